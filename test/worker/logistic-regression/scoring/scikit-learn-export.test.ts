import {readFile, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {fileURLToPath} from 'node:url'
import {execa} from 'execa'
import {describe, expect, it} from 'vitest'
import {processFile} from '../../../support/process-file.ts'
import {STATS_PYTHON, hasModules} from '../../../support/stats-python.ts'
import {temporaryFolder} from '../../../support/temporary-folder.ts'

const docs = fileURLToPath(new URL('../../../../docs', import.meta.url))
const hasScikitLearn = hasModules('sklearn', 'pandas')

/** Trains as docs/export_scikit_learn.py tells, exports, and writes scikit-learn's own probabilities. */
const TRAIN = `
import json, sys
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
sys.path.insert(0, sys.argv[1])
from export_scikit_learn import export
frame = pd.read_csv("train.csv", dtype={"city": str})
features = frame.drop(columns="y")
numbers = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
columns = make_column_transformer((numbers, ["age", "income"]), (OneHotEncoder(handle_unknown="ignore"), ["city"]))
pipeline = make_pipeline(columns, LogisticRegression()).fit(features, frame["y"])
export(pipeline, "y", "model.json")
score = pd.read_csv("score.csv", dtype={"city": str})
json.dump(pipeline.predict_proba(score).tolist(), open("probabilities.json", "w"))
`

describe(`a pipeline of scikit-learn${hasScikitLearn ? '' : ', skipped: no python3 with scikit-learn and pandas'}`, () => {
  it.skipIf(!hasScikitLearn).each(['01', 'abc'])(
    'is exported by the documented script, and scores alike, with the classes %s',
    async (classes) => {
      const folder = await temporaryFolder()
      const row = (i: number): string =>
        `${i % 7 === 0 ? '' : (20 + 50 * Math.abs(Math.sin(i))).toFixed(2)},${(1000 * Math.cos(i * 3)).toFixed(1)},${i % 6 === 0 ? '' : ['Bern', 'Oslo', 'Rome'][i % 3]}`
      const rows = Array.from({length: 200}, (_, i) => row(i))
      const label = (i: number): string =>
        classes[Math.floor(((Math.sin(i) + 1) / 2.01) * classes.length) % classes.length] ?? ''
      await writeFile(
        join(folder, 'train.csv'),
        `age,income,city,y\n${rows.map((line, i) => `${line},${label(i)}\n`).join('')}`,
      )
      // Ten more rows, one of a city that the model does not know.
      const others = [...Array.from({length: 10}, (_, i) => row(i + 500)), '33,12.5,Lima']
      const score = `age,income,city\n${others.map((line) => `${line}\n`).join('')}`
      await writeFile(join(folder, 'score.csv'), score)
      await execa(STATS_PYTHON, ['-c', TRAIN, docs], {cwd: folder})
      const expected: number[][] = JSON.parse(await readFile(join(folder, 'probabilities.json'), 'utf8'))
      const {lines, report} = await processFile(score, {
        metadata: {model: 'gs://m/model.json'},
        objects: {'gs://m/model.json': await readFile(join(folder, 'model.json'), 'utf8')},
      })
      const found = lines.slice(1).map((line) => line.split(',').slice(-classes.length).map(Number))
      expect(found).toHaveLength(11)
      found.forEach((probabilities, i) =>
        probabilities.forEach((p, k) => expect(p).toBeCloseTo(expected[i]?.[k] ?? NaN, 5)),
      )
      expect(report.warnings).toEqual(['city has values that the model does not know and ignores: Lima.'])
    },
    60_000,
  )
})
