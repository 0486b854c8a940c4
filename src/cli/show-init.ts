import type {InitResult} from '../core/init/init.ts'
import type {WorkflowResult} from '../core/init/workflow.ts'
import {shellWord} from '../core/shell.ts'
import {style} from './format.ts'
import {pairs} from './table.ts'
import {command, suggest, type Render} from '../core/suggestion.ts'

/**
 * What `init` created, and what to do next.
 * @param here a path as typed in the current folder
 */
export function showInit(
  {folder, template, files, sample, needsDocker, settings}: InitResult,
  {
    here,
    engineMissing,
    render,
  }: {
    readonly here: (path: string) => string
    readonly engineMissing: boolean
    readonly render: Render
  },
): string[] {
  const worker = shellWord(here(folder))
  const selected = settings.pipeline === undefined ? [] : ['--pipeline', settings.pipeline]
  const object = sample.slice(sample.lastIndexOf('/') + 1)
  return [
    style('bold', `Created a worker in ${worker} from the template ${template}:`),
    `  ${files.join(', ')}`,
    settings.named
      ? `Set as the worker${settings.pipeline === undefined ? '' : ` of pipeline ${settings.pipeline}`} in ${here(settings.file)}`
      : `${here(settings.file)} names another worker, which is kept.`,
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
          typed: command('setup', ...selected, ...(settings.named ? [] : ['--worker', here(folder)])),
          value: 'creates the pipeline with it',
        },
        {typed: command('upload', ...selected, here(sample), '--wait'), value: 'sends it a file'},
        {typed: command('results', ...selected, object, '--output', '-'), value: 'shows the result'},
        {typed: command('dev', ...selected), value: 'redeploys it whenever you save'},
      ].map(({typed, value}) => ({label: render(suggest`  ${typed}`), value})),
    ),
  ]
}

/**
 * The workflow that `init --ci` wrote, and what to do next.
 * @param here a path as typed in the current folder
 */
export function showWorkflow(
  {file, isDependency, sample}: WorkflowResult,
  here: (path: string) => string,
): string[] {
  return [
    style('bold', `Created ${here(file)}:`),
    `  pull requests: rehearses the pipeline with ${sample ?? 'a generated file'}, without an account`,
    '  pushes to main: deploys the worker, a canary first, without keys',
    '',
    'Next:',
    ...(isDependency
      ? []
      : [
          '  npm install --save-dev cloud-runner, and commit package.json and package-lock.json: the workflow runs npm ci',
        ]),
    '  Commit it. To deploy as well, apply node_modules/cloud-runner/terraform/ci; its README says how.',
  ]
}
