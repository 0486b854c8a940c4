import {expect, test} from 'vitest'
import {showDoctor} from '../../src/cli/show-doctor.ts'
import {command, render, suggest} from '../../src/core/suggestion.ts'

test('a check that failed is called so, whatever it looked at, with the command that fixes it', () => {
  const lines = showDoctor(
    [
      {
        name: 'deliveries',
        state: 'failed',
        detail: '5 deliveries in a row timed out',
        fix: suggest`${command('logs')}`,
      },
      {name: 'project', state: 'ok', detail: 'my-project-123 is active'},
      {name: 'APIs', state: 'failed', detail: 'disabled: run.googleapis.com'},
    ],
    render,
  )
  expect(lines).toEqual([
    'ok  project  my-project-123 is active',
    'failed  deliveries: 5 deliveries in a row timed out',
    '    cloud-runner logs',
    'failed  APIs: disabled: run.googleapis.com',
    '2 checks of 3 failed.',
  ])
})
