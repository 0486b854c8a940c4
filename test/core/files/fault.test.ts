import {expect, test} from 'vitest'
import {crashIn, inOneLine, isForeignFrame, placeOf} from '../../../src/core/files/fault.ts'

const CRASH = `/home/me/.cloud-runner/local/instances/sha256-1/app/lib/boom.ts:1
throw new Error('boom at start')
^

Error: boom at start
    at Object.<anonymous> (/home/me/.cloud-runner/local/instances/sha256-1/app/lib/boom.ts:1:7)
    at Module._compile (node:internal/modules/cjs/loader:1929:14)
    at Object.<anonymous> (/home/me/.cloud-runner/local/instances/sha256-1/app/worker.cjs:1:74)

Node.js v24.21.0`

test('the place of an error is the first frame that is the own of the worker', () => {
  expect(
    placeOf(`TypeError: no
    at JSON.parse (<anonymous>)
    at read (/app/node_modules/csv/index.js:3:9)
    at async Object.process (/app/processor.ts:17:9)
    at async attempt (/app/cloud-runner/worker/runtime/process-file.ts:160:5)`),
  ).toBe('processor.ts:17:9')
  expect(placeOf('Error: x\n    at /app/processor.ts:2:3')).toBe('processor.ts:2:3')
  expect(placeOf('Error: x\n    at file:///app/main.mjs:2:3')).toBe('main.mjs:2:3')
  expect(placeOf('Error: x\n    at run (/app/worker.cjs:75:974)')).toBeUndefined()
  expect(placeOf('Error: x')).toBeUndefined()
})

test('of Python it is the last one', () => {
  expect(
    placeOf(`Traceback (most recent call last):
  File "/app/runtime/server.py", line 150, in take
    deliver()
  File "/app/processor.py", line 7, in process
    parse()
  File "/app/rows.py", line 3, in parse
    raise ValueError("no")
  File "/usr/local/lib/python3.13/json/decoder.py", line 9, in decode
ValueError: no`),
  ).toBe('rows.py:3')
})

test('a crash is one line: the place and the error', () => {
  expect(crashIn(CRASH)).toBe('lib/boom.ts:1:7 Error: boom at start')
  expect(crashIn('starting\nstopped')).toBeUndefined()
})

test("of a crash, Node's own lines are separated from the worker's", () => {
  const own = CRASH.split('\n').filter((line) => !isForeignFrame(line))
  expect(own.map((line) => line.replace(/\/home.*app\//, ''))).toEqual([
    'lib/boom.ts:1',
    "throw new Error('boom at start')",
    'Error: boom at start',
    '    at Object.<anonymous> (lib/boom.ts:1:7)',
  ])
})

test('a problem that quotes an output is one line: its error, or its last line', () => {
  const problem = 'The container exited with code 1. Its last output:'
  const quoted = CRASH.split('\n')
    .map((line) => `  ${line}`)
    .join('\n')
  expect(inOneLine(`${problem}\n${quoted}`)).toBe(
    'The container exited with code 1. lib/boom.ts:1:7 Error: boom at start',
  )
  expect(inOneLine(`${problem}\n  one\n  two\n  `)).toBe('The container exited with code 1. two')
  expect(inOneLine('Image not found.')).toBe('Image not found.')
})
