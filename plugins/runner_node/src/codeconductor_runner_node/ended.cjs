// Has a test file fail that ends its own process with status 0: node takes that for a pass, whatever tests were left.
// Only the processes that `node --test` starts for files are meant, and nothing that those start; a file that does not
// use node's own tests is a script, and its status is all there is.

"use strict";

const { writeSync } = require("node:fs");

const kind = process.env.CONDUCTOR_TESTS;

if (kind === "runner") process.env.CONDUCTOR_TESTS = "file";

if (kind === "file") {
  delete process.env.CONDUCTOR_TESTS;
  const end = process.reallyExit;
  const loaded = process.moduleLoadList; // node's own, which grows
  const isScript = () => !loaded.some((name) => name.startsWith("NativeModule internal/test_runner/"));
  const refuse = (what) => {
    writeSync(2, `${what} before all tests of this file were done: it does not pass\n`);
    end.call(process, 1);
  };
  const ours = {
    moduleLoadList: Object.freeze([...loaded]),
    reallyExit: (code) => (code || isScript() ? end.call(process, code) : refuse("process.exit(0) was called")),
    execve: process.execve && (() => refuse("process.execve was called")),
  };
  for (const [name, value] of Object.entries(ours)) {
    if (value) Object.defineProperty(process, name, { value, writable: false, configurable: false });
  }
}
