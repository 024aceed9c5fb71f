const { test } = require('node:test');
const assert = require('node:assert');
test('good', () => {});
test('wrong', () => assert.strictEqual(1 + 2, 4));
