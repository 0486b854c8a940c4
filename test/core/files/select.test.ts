import {expect, test} from 'vitest'
import {planCancel} from '../../../src/core/cancel.ts'
import {notificationOf} from '../../../src/core/files/notification.ts'
import {readSelection} from '../../../src/core/files/select.ts'
import {planRedrive} from '../../../src/core/redrive.ts'
import {chooseFiles} from '../../../src/core/reprocess.ts'
import {selectResults} from '../../../src/core/results/many-results.ts'
import {status} from '../../../src/core/status.ts'
import {startLocalPipeline} from '../../support/local-pipeline.ts'
import {putUnnoticed} from '../../support/unnoticed-uploads.ts'

test('the name of an object is no glob, whatever characters it has', async () => {
  const context = await startLocalPipeline()
  const {cloud, pipeline, signal} = context
  const uploads = await putUnnoticed(context, ['data[1].csv', 'data1.csv', 'in/', 'in/c.csv'])
  const names = (files: readonly {readonly object: string}[]) => files.map(({object}) => object).toSorted()
  const chosenBy = async (text: string) => [
    await planCancel([text], context),
    names(await chooseFiles({objects: [text]}, context)),
    names(await selectResults([text], context)),
    names((await status({objects: [text], limit: 9}, context)).files),
    names((await status({objects: [text], states: ['waiting'], limit: 9}, context)).files),
  ]
  for (const chosen of await chosenBy('data[1].csv')) expect(chosen).toEqual(['data[1].csv'])
  for (const chosen of await chosenBy('data[0-9].csv')) expect(chosen).toEqual(['data1.csv'])
  for (const folder of ['in/', '**/c.csv', 'in/**/c.csv'])
    expect(names(await chooseFiles({objects: [folder]}, context))).toEqual(['in/c.csv'])
  expect(await readSelection(['data[1].csv', 'b*.csv', 'in/', 'in/'], context)).toEqual({
    names: new Set(['data[1].csv']),
    patterns: ['b*.csv', 'in/'],
  })

  for (const object of uploads)
    await cloud.messages.publish(pipeline.names.deadLetterTopic, notificationOf(object, undefined), {signal})
  expect(await planRedrive(['data[1].csv'], context)).toEqual(['data[1].csv'])
  expect(await planRedrive(['data[0-9].csv'], context)).toEqual(['data1.csv'])
  expect((await planRedrive(['in/'], context)).toSorted()).toEqual(['in/', 'in/c.csv'])
})
