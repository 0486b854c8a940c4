import {expect, test} from 'vitest'
import {showInit} from '../../src/cli/show-init.ts'
import {render} from '../../src/core/suggestion.ts'

test('a container without a docker engine: what to start, and how to check that it runs', () => {
  const made = {
    folder: 'worker',
    template: 'container',
    files: ['Dockerfile'],
    sample: 'worker/sample.csv',
    needsDocker: true,
    settings: {file: 'cloud-runner.json', named: true, pipeline: undefined},
  } as const
  const shown = (engineMissing: boolean) =>
    showInit(made, {here: (path) => path, engineMissing, render}).join('\n')
  expect(shown(true)).toContain('Start docker, then check it: docker info')
  expect(shown(false)).not.toContain('docker info')
})

test('a worker for a pipeline of its own: every command names it', () => {
  const made = {
    folder: 'thumbs',
    template: 'typescript',
    files: ['processor.ts'],
    sample: 'thumbs/sample.jsonl',
    needsDocker: false,
    settings: {file: 'cloud-runner.json', named: true, pipeline: 'thumbs'},
  } as const
  const lines = showInit(made, {here: (path) => path, engineMissing: false, render})
  const commands = lines.filter((line) => line.startsWith('  cloud-runner '))
  expect(commands.map((line) => line.includes(' --pipeline thumbs'))).toEqual([true, true, true, true])
})
