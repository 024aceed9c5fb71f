import { test } from 'vitest';
import './nothing-of-that-name';
test('never runs', () => {});
