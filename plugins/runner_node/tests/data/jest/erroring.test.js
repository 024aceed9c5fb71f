require('./nothing-of-that-name');
test('never runs', () => {});
