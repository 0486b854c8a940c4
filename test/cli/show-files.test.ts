import {describe, expect, it} from 'vitest'
import {fileLines, showEnded, showIgnored, showUploaded} from '../../src/cli/show-files.ts'
import {progressOf} from '../../src/cli/progress.ts'
import {reportChange} from '../../src/cli/wait.ts'
import type {FileStatus} from '../../src/core/files/files.ts'
import {render} from '../../src/core/suggestion.ts'

const NOW = Date.parse('2026-11-01T12:00:00Z')

function file(index: number, state: FileStatus['state'] = 'done'): FileStatus {
  return {
    object: `f${index}.csv`,
    generation: '1',
    sizeBytes: 1000,
    uploadedAt: '2026-11-01T11:59:00Z',
    state,
    attempts: 1,
    hops: [],
  }
}

const files = (number: number): FileStatus[] => Array.from({length: number}, (_, index) => file(index))

const uploaded = (number: number) =>
  files(number).map((status) => Object.assign(status, {file: status.object}))

describe('files that were sent', () => {
  it('are named one by one as long as they are few', () => {
    expect(showUploaded({uploaded: uploaded(2), failed: []}, 'in', render)).toEqual([
      'gs://in/f0.csv  1 kB',
      'gs://in/f1.csv  1 kB',
    ])
    expect(showEnded(files(2), NOW, render).slice(-2)).toEqual([
      'Result: cloud-runner results f0.csv',
      'Result: cloud-runner results f1.csv',
    ])
  })

  it('are named so that a shell accepts the line, with the warnings of their reports', () => {
    expect(
      showEnded([{...file(1), object: '-a b.csv', warnings: ['no header']}], NOW, render).slice(-2),
    ).toEqual(['Warning: -a b.csv: no header', "Result: cloud-runner results -- '-a b.csv'"])
  })

  it('say why the job has one, since when, and what to do if it hangs', () => {
    const job = {execution: 'e-1', startedAt: '2026-11-01T11:57:00Z', reason: 'not done within its delivery'}
    expect(
      fileLines([{...file(1, 'running'), job}], NOW, 200)
        .flat()
        .join(''),
    ).toContain('not done within its delivery: job e-1, started 3 min ago; if it hangs, cancel it')
  })

  it('say of a redriven one that its reason is from before', () => {
    const lastError = {message: 'exit code 1', at: '2026-11-01T11:58:00Z'}
    const [line] = fileLines([{...file(1, 'waiting'), attempts: 0, lastError}], NOW, 200).flat()
    expect(line).toContain('sent again; before: exit code 1')
  })

  it('are counted if there are many', () => {
    expect(showUploaded({uploaded: uploaded(1000), failed: []}, 'in', render)).toEqual([
      '1,000 files to gs://in  1 MB',
    ])
    expect(showEnded(files(1000), NOW, render)).toEqual([
      '1,000 files are done.',
      '',
      'Save results: cloud-runner results OBJECT… --output results/',
      'All: cloud-runner status --limit 1000',
    ])
  })

  it('of one folder have one command for their results', () => {
    const inFolder = files(1000).map((one) => ({...one, object: `june/${one.object}`}))
    expect(showEnded(inFolder, NOW, render)).toContain(
      'Save results: cloud-runner results june/ --output results/',
    )
  })

  it('are named before advice that is not a command, if there are several', () => {
    const failed = (index: number, advice: string): FileStatus => ({
      ...file(index, 'failed'),
      error: {object: `f${index}.csv`, generation: '1', code: 'csv', message: 'No.', suggestions: [advice]},
    })
    const three = [failed(1, 'Add rows.'), failed(2, 'Save it as UTF-8.'), failed(3, 'Add rows.')]
    const lines = showEnded(three, NOW, render)
    expect(lines).toContain('f1.csv and 1 other file: Add rows.')
    expect(lines).toContain('f2.csv: Save it as UTF-8.')
    expect(showEnded([failed(1, 'Add rows.')], NOW, render)).toContain('Add rows.')
  })

  it('are listed up to ten if many were not uploaded', () => {
    const error = {message: 'No such bucket.', code: 'not-found' as const, suggestions: ['Run setup.']}
    const failed = uploaded(1000).map((one) => ({file: one.file, object: one.object, error}))
    const lines = showUploaded({uploaded: [], failed}, 'in', render)
    expect(lines).toHaveLength(12)
    expect(lines.slice(-2)).toEqual(['… and 990 more', 'Run setup.'])
  })

  it('are named among many if they are not done', () => {
    const lines = showEnded([...files(30), file(30, 'dead'), file(31, 'waiting')], NOW, render).join('\n')
    expect(lines).toMatch(/f30\.csv +dead/)
    expect(lines).toMatch(/f31\.csv +waiting/)
    expect(lines).not.toContain('f29.csv')
    expect(lines).toContain('30 files are done.')
    expect(lines).toContain('Logs: cloud-runner logs OBJECT')
  })
})

describe('progress of a wait', () => {
  it('counts what has ended', () => {
    const steps: string[] = []
    const report = reportChange(
      (text) => steps.push(text),
      1000,
      progressOf((text) => steps.push(text), 1000, false),
    )
    report(file(1, 'running'))
    report(file(1))
    report({...file(2, 'failed'), attempts: 2})
    expect(steps).toEqual([
      '0 of 1,000: f1.csv: running',
      '1 of 1,000: f1.csv: done',
      '2 of 1,000: f2.csv: failed, attempt 2',
    ])
  })

  it('of many files reports each tenth if lines stay', () => {
    const steps: string[] = []
    const report = reportChange(
      (text) => steps.push(text),
      300,
      progressOf((text) => steps.push(text), 300, true),
    )
    for (const status of files(300)) {
      report({...status, state: 'running'})
      report(status)
      report(status)
    }
    expect(steps).toEqual(Array.from({length: 10}, (_, tenth) => `${(tenth + 1) * 30} of 300`))
  })

  it('of one file counts nothing', () => {
    const steps: string[] = []
    reportChange((text) => steps.push(text), 1)(file(1))
    expect(steps).toEqual(['f1.csv: done'])
  })
})

describe('showIgnored', () => {
  it('says that an object lies in the archive, apart from those that the filter leaves out', () => {
    const archive =
      'archive/a.csv will not be processed: archive/ holds what was processed. Choose another name with --name.'
    expect(showIgnored(['archive/a.csv'], {filter: {}, afterwards: 'archive'})).toEqual([archive])
    expect(
      showIgnored(['a.txt', 'archive/a.csv', 'b.txt'], {filter: {suffix: '.csv'}, afterwards: 'archive'}),
    ).toEqual([
      'a.txt and 1 other file will not be processed: the filter is suffix .csv. Choose a matching name with --name, or change the setting filter.',
      archive,
    ])
  })
})
