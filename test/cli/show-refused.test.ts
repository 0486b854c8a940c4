import {expect, test} from 'vitest'
import {fileTable, showEnded} from '../../src/cli/show-files.ts'
import type {FileStatus} from '../../src/core/files/files.ts'
import {render} from '../../src/core/suggestion.ts'

const NOW = Date.parse('2026-11-01T12:00:00Z')

const refused: FileStatus = {
  object: 'd 2.jsonl',
  generation: '1',
  sizeBytes: 1000,
  uploadedAt: '2026-11-01T11:59:00Z',
  state: 'waiting',
  attempts: 4,
  hops: [],
  lastError: {message: 'own bug', place: 'processor.ts:17:9', at: '2026-11-01T11:59:30Z'},
}

test('a file that waits after a refused attempt says why, and where in the worker', () => {
  expect(fileTable([refused], NOW).join('\n')).toContain('own bug (processor.ts:17:9)')
  expect(showEnded([refused], NOW, render).join('\n')).not.toContain('redrive')
})

test('a dead one also comes with the command that sends it again', () => {
  const shown = showEnded([{...refused, state: 'dead', attempts: 5}], NOW, render)
  expect(shown.join('\n')).toContain('own bug (processor.ts:17:9)')
  expect(shown).toContain("Send it again: cloud-runner redrive 'd 2.jsonl'")
})
