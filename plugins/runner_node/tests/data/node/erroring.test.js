const { test } = require('node:test');
require('./nothing-of-that-name');
test('never runs', () => {});
