test('good', () => {});
test('wrong', () => expect(1 + 2).toBe(4));
