import { describe, expect, it, test } from 'vitest';
test('adds', () => expect(1 + 2).toBe(3));
describe('a suite', () => { it('is nested', () => {}); it.skip('comes later', () => {}); it.todo('is to be written'); });
