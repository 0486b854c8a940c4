#!/usr/bin/env node
// Runs the sources directly with Node's type stripping: no build, no dist, no manifest; only the worker's kernels are
// compiled if they changed.
import {fileURLToPath} from 'node:url'
import {main} from '../src/cli/main.ts'
import {compileKernels} from './kernels.js'

const root = fileURLToPath(new URL('..', import.meta.url))
await compileKernels(root)
await main({
  root,
  argv: process.argv.slice(2),
  commands: './src/commands',
})
