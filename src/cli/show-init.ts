import type {InitResult} from '../core/init/init.ts'
import {commandFor, shellWord} from '../core/shell.ts'
import {forPipeline} from './failure.ts'
import {style} from './format.ts'
import {pairs} from './table.ts'

/**
 * What `init` made, and what to do with it.
 * @param here a path as it is typed in the current folder
 */
export function showInit(
  {folder, template, files, sample, needsDocker, settings}: InitResult,
  {here, engineMissing}: {readonly here: (path: string) => string; readonly engineMissing: boolean},
): string[] {
  const worker = shellWord(here(folder))
  const object = sample.slice(sample.lastIndexOf('/') + 1)
  return [
    style('bold', `A worker in ${worker}, from the template ${template}:`),
    `  ${files.join(', ')}`,
    settings.named
      ? `The settings name it${settings.pipeline === undefined ? '' : ` for pipeline ${settings.pipeline} alone`}: ${here(settings.file)}`
      : `The settings name another worker, which stays: ${here(settings.file)}`,
    ...(needsDocker
      ? [
          engineMissing
            ? style(
                'yellow',
                'It is a container, and no docker engine answers here. Start docker; when it runs, this answers: docker info',
              )
            : 'It is a container: the docker engine here builds and runs it.',
        ]
      : []),
    '',
    'Next:',
    ...pairs(
      [
        {
          label: `  cloud-runner setup${settings.named ? '' : ` --worker ${worker}`}`,
          value: 'makes the pipeline with it',
        },
        {label: `  cloud-runner upload ${shellWord(here(sample))} --wait`, value: 'sends it a file'},
        {label: `  ${commandFor('results', object, '--output -')}`, value: 'shows the result'},
        {label: '  cloud-runner dev', value: 'runs it again whenever you save'},
      ].map(({label, value}) => ({label: forPipeline(label, settings.pipeline), value})),
    ),
  ]
}
