const { test, describe, it } = require('node:test');
const assert = require('node:assert');
test('adds', () => assert.strictEqual(1 + 2, 3));
describe('a suite', () => { it('is nested', () => {}); it.skip('comes later', () => {}); });
