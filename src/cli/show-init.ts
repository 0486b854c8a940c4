import type {InitResult} from '../core/init/init.ts'
import {commandFor, shellWord} from '../core/shell.ts'
import {forPipeline} from './failure.ts'
import {style} from './format.ts'
import {pairs} from './table.ts'

/**
 * What `init` created, and what to do next.
 * @param here a path as typed in the current folder
 */
export function showInit(
  {folder, template, files, sample, needsDocker, settings}: InitResult,
  {here, engineMissing}: {readonly here: (path: string) => string; readonly engineMissing: boolean},
): string[] {
  const worker = shellWord(here(folder))
  const object = sample.slice(sample.lastIndexOf('/') + 1)
  return [
    style('bold', `Created a worker in ${worker} from the template ${template}:`),
    `  ${files.join(', ')}`,
    settings.named
      ? `Set as the worker${settings.pipeline === undefined ? '' : ` of pipeline ${settings.pipeline}`} in ${here(settings.file)}`
      : `${here(settings.file)} names another worker, which stays.`,
    ...(needsDocker
      ? [
          engineMissing
            ? style(
                'yellow',
                'It is a container, and no docker engine is running here. Start docker, then check it: docker info',
              )
            : 'It is a container: your docker engine builds and runs it.',
        ]
      : []),
    '',
    'Next:',
    ...pairs(
      [
        {
          label: `  cloud-runner setup${settings.named ? '' : ` --worker ${worker}`}`,
          value: 'creates the pipeline with it',
        },
        {label: `  cloud-runner upload ${shellWord(here(sample))} --wait`, value: 'sends it a file'},
        {label: `  ${commandFor('results', object, '--output -')}`, value: 'shows the result'},
        {label: '  cloud-runner dev', value: 'redeploys it whenever you save'},
      ].map(({label, value}) => ({label: forPipeline(label, {pipeline: settings.pipeline}), value})),
    ),
  ]
}
