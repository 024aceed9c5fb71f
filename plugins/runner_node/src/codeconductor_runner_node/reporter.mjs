// Reports what `node --test` tells, as JSON lines, on a pipe that test files do not have: each runs in a process of its own.
import { writeSync } from 'node:fs';

const pipe = Number(process.env.CONDUCTOR_REPORT);

function say(facts) {
  let rest = Buffer.from(JSON.stringify(facts) + '\n');
  while (rest.length) {
    try {
      rest = rest.subarray(writeSync(pipe, rest));
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error;
    }
  }
}

export default async function* report(source) {
  for await (const { type, data } of source) {
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    const cause = data.details?.error?.cause;
    const error = data.details?.error;
    say({
      kind: 'test',
      passed: type === 'test:pass',
      name: data.name,
      file: data.file ?? null,
      nesting: data.nesting,
      suite: data.details?.type === 'suite',
      skipped: data.skip !== undefined && data.skip !== false,
      todo: data.todo !== undefined && data.todo !== false,
      seconds: (data.details?.duration_ms ?? 0) / 1000,
      message: error ? String(cause?.stack ?? cause ?? error.stack ?? error).slice(0, 8000) : null,
    });
  }
  say({ kind: 'end' });
  yield '';
}
