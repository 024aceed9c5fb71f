// Answers what Node cannot ask the system in a sandbox that has neither sockets nor /proc: vitest asks for both, and
// gives up, or waits for ever, where there is no answer. Loaded into every process and thread of a run.

"use strict";

const dns = require("node:dns");
const v8 = require("node:v8");

const LOCALHOST = { address: "127.0.0.1", family: 4 };

const lookup = dns.promises.lookup;
dns.promises.lookup = async function (hostname, options) {
  if (hostname !== "localhost") return lookup.call(this, hostname, options);
  return options?.all ? [LOCALHOST] : LOCALHOST;
};

const memoryUsage = process.memoryUsage;
process.memoryUsage = function () {
  try {
    return memoryUsage.call(process);
  } catch {
    // what V8 knows by itself; memory outside of its heap is not in `rss` then
    const heap = v8.getHeapStatistics();
    return {
      rss: heap.total_physical_size,
      heapTotal: heap.total_heap_size,
      heapUsed: heap.used_heap_size,
      external: heap.external_memory,
      arrayBuffers: 0,
    };
  }
};
process.memoryUsage.rss = () => process.memoryUsage().rss;
