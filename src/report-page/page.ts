import type {Curves, Interval, Provenance, Report, Share} from '../../worker/contract.ts'
import {calibrationFigure} from './charts/calibration.ts'
import {type Decisions, precisionRecallFigure, rocFigure} from './charts/curves.ts'
import {type Effect, effectsFigure} from './charts/effects.ts'
import {predictionsFigure} from './charts/predictions.ts'
import {histogramFigure} from './charts/histogram.ts'
import {count, figure, percent, percentRange} from './figures.ts'
import {type Markup, markup} from './markup.ts'
import {selfContained} from './self-contained.ts'

type Coefficients = Report['coefficients'][number]

/** Most coefficients that are drawn for a class, and listed. */
const MOST_EFFECTS = 20
const MOST_LISTED = 1000
/** Most classes that a sentence lists with their counts. */
const MOST_IN_SENTENCE = 12
/** Most classes whose counts fit side by side. */
const MOST_IN_MATRIX = 30
/** Most classes that have a tile of their own. */
const MOST_TILES = 4

/**
 * The report as one self-contained HTML page: no scripts, no requests, charts as SVG. Everything from the file is
 * escaped.
 */
export function reportPage(report: Report): string {
  const {object, metrics, label, rows} = report
  const {pretrained} = report.model
  const body = markup`<header><h1>${object}</h1>
<p class="sub">${count(rows.total)} rows: ${count(rows.labelled)} with a label, ${count(rows.predicted)} to predict. Label column ${label.column}: ${
    label.classes.length > MOST_IN_SENTENCE
      ? `${label.classes.length} classes`
      : label.classes
          .map(({name, rows: members}) => (rows.labelled === 0 ? name : `${name} ${count(members)}`))
          .join(', ')
  }.</p></header>
${list('warnings', report.warnings)}
<section class="tiles">${tiles(report)}</section>
<p class="sub under">${
    pretrained === null
      ? metrics.folds > 0
        ? `All metrics are out of fold: a model that had not seen the row scored it, in ${metrics.folds} folds.`
        : 'No rows could be held out, so nothing was measured.'
      : `Scored by the pretrained model ${pretrained.uri}. ${metrics.accuracy === null ? 'No row has a label that it knows, so nothing was measured.' : 'Rows from its training data make the metrics look better than they are.'}`
  }${metrics.accuracy === null ? '' : ' Ranges are 95\u00a0% intervals.'}</p>
${report.curves.map((curves, i) => section(curves, i, report))}
${predicted(report)}
${drifted(report)}
<div class="pair">${confusion(report)}
${classes(report)}</div>
${report.coefficients.map((one) => coefficients(one, report.coefficients.length > 1))}
${notes(report)}`
  return selfContained(`${object}: ${label.column}`, body)
}

function tiles({metrics, label, rows, predictions = []}: Report): Markup[] {
  if (metrics.accuracy === null)
    return [
      markup`<div class="tile"><span>rows predicted</span><b>${count(rows.predicted)}</b><small>of ${count(rows.total)}</small></div>`,
      ...predictions
        .toSorted((a, b) => b.rows - a.rows)
        .slice(0, MOST_TILES)
        .map(
          (one) =>
            markup`<div class="tile"><span>predicted as ${one.class}</span><b>${count(one.rows)}</b><small>${percent(one.rows / Math.max(1, rows.predicted))}</small></div>`,
        ),
    ]
  const {auc, logLoss, brier, accuracy, baseRate, intervals} = metrics
  const tile = (name: string, value: number | null, range: Interval | null, more = ''): Markup =>
    markup`<div class="tile"><span>${name}</span><b>${value === null ? 'unknown' : value.toFixed(3)}</b><small>${range === null ? more || ' ' : `${range[0].toFixed(3)} to ${range[1].toFixed(3)}`}</small></div>`
  return [
    tile('AUC', auc, intervals.auc, label.classes.length > 2 ? 'one-vs-rest mean' : ''),
    tile('log loss', logLoss, intervals.logLoss),
    tile('Brier score', brier, intervals.brier),
    tile('accuracy', accuracy, intervals.accuracy),
    tile('base rate', baseRate, null, 'most common class'),
  ]
}

function section(curves: Curves, place: number, report: Report): Markup {
  const all = report.curves
  const auc = all.length === 1 ? (report.metrics.auc ?? NaN) : areaUnder(curves.roc)
  const decisions = decisionsFor(curves.class, report)
  const charts = markup`<div class="charts">${[
    rocFigure(curves, auc.toFixed(3), decisions),
    precisionRecallFigure(curves, decisions),
    calibrationFigure(curves),
    histogramFigure(curves),
  ]}</div>`
  if (all.length === 1) return charts
  const summary = markup`<summary>${curves.class} vs. rest: AUC ${auc.toFixed(3)}</summary>`
  return place === 0
    ? markup`<details class="class" open>${summary}${charts}</details>`
    : markup`<details class="class">${summary}${charts}</details>`
}

/** Charts of rows without a label, if there is none of rows with one. */
function predicted({curves, predictions = []}: Report): Markup {
  if (curves.length > 0 || predictions.length === 0) return markup``
  const drawn = predictions.length === 2 ? predictions.slice(1) : predictions.slice(0, MOST_IN_SENTENCE)
  return markup`<div class="charts">${drawn.map(predictionsFigure)}</div>`
}

function drifted({drift = []}: Report): Markup {
  if (drift.length === 0) return markup``
  const listed = drift.slice(0, MOST_LISTED)
  return markup`<section><h2>Drift</h2><div class="card"><div class="scroll">${table(
    ['column', 'stability index', 'beyond the range', 'new values'],
    listed.map((one) => [
      one.column,
      markup`<td>${one.psi.toFixed(3)}</td><td>${one.beyondRange === 0 ? '' : percent(one.beyondRange)}</td><td class="text">${one.newLevels.slice(0, MOST_TILES).join(', ')}</td>`,
    ]),
  )}</div><p class="sub">How far each column is from the rows that the model learned from. Population stability index: below 0.1 the same, from 0.25 on another distribution.</p></div></section>`
}

function decisionsFor(name: string, {label, confusion: counts}: Report): Decisions {
  const k = label.classes.findIndex((one) => one.name === name)
  const row = counts[k] ?? []
  const truePositives = row[k] ?? 0
  const falsePositives = total(counts.map((one) => one[k] ?? 0)) - truePositives
  const falseNegatives = total(row) - truePositives
  const trueNegatives = total(counts.map(total)) - truePositives - falsePositives - falseNegatives
  return {truePositives, falsePositives, falseNegatives, trueNegatives}
}

/** By the trapezoidal rule: close to the exact area, which the report has only as a mean over the classes. */
function areaUnder(points: Curves['roc']): number {
  return points.reduce((area, [x, y], i) => {
    const [before, above] = points[i - 1] ?? [0, 0]
    return area + ((x - before) * (y + above)) / 2
  }, 0)
}

function confusion({confusion: counts, label, metrics}: Report): Markup {
  if (metrics.accuracy === null || counts.length > MOST_IN_MATRIX) return markup``
  const names = label.classes.map(({name}) => name)
  return markup`<section><h2>Confusion matrix</h2><div class="card"><div class="scroll"><table class="matrix"><thead><tr><th scope="col">true ↓ predicted →</th>${names.map((name) => markup`<th scope="col">${name}</th>`)}</tr></thead><tbody>${counts.map(
    (row, k) =>
      markup`<tr><th scope="row">${names[k] ?? ''}</th>${row.map((cell) => {
        const share = cell / Math.max(1, total(row))
        return markup`<td style="--share:${share.toFixed(3)}">${count(cell)} ${cell === 0 ? '' : markup`<small>${percent(share)}</small>`}</td>`
      })}</tr>`,
  )}</tbody></table></div><p class="sub">Each line is a true class: how its rows were predicted.</p></div></section>`
}

function classes({classes: found, metrics}: Report): Markup {
  if (metrics.accuracy === null) return markup``
  const cell = ({value, interval}: Share): Markup =>
    value === null || interval === null
      ? markup`<td>none</td>`
      : markup`<td>${percent(value)} <small>(${percentRange(interval)})</small></td>`
  return markup`<section><h2>Classes</h2><div class="card"><div class="scroll">${table(
    ['class', 'rows', 'predicted', 'precision', 'recall'],
    found.map((one) => [
      one.class,
      markup`<td>${count(one.rows)}</td><td>${count(one.predicted)}</td>${cell(one.precision)}${cell(one.recall)}`,
    ]),
  )}</div><p class="sub">Precision: the share of rows predicted as the class that belong to it. Recall: the share of its rows that were predicted.</p></div></section>`
}

function table(
  columns: readonly string[],
  rows: readonly (readonly [head: string, cells: Markup])[],
): Markup {
  return markup`<table><thead><tr>${columns.map((name) => markup`<th scope="col">${name}</th>`)}</tr></thead><tbody>${rows.map(
    ([head, cells]) => markup`<tr><th scope="row">${head}</th>${cells}</tr>`,
  )}</tbody></table>`
}

function coefficients(
  {class: name, intercept, interval: own, terms}: Coefficients,
  isOneOfSeveral: boolean,
): Markup {
  const strongest = terms.toSorted((a, b) => Math.abs(effectOf(b).value) - Math.abs(effectOf(a).value))
  const effects = strongest
    .filter((term) => !isReference(term))
    .slice(0, MOST_EFFECTS)
    .map(effectOf)
  const listed = strongest.slice(0, MOST_LISTED)
  const left = terms.length - listed.length
  const range = (interval: Interval | undefined): string =>
    interval === undefined ? '' : `${figure(interval[0])} to ${figure(interval[1])}`
  const rows = listed.map((term): [string, Markup] => [
    nameOf(term),
    markup`<td>${figure((term.contrast ?? term).value)}</td><td class="text">${unitOf(term)}</td><td>${range((term.contrast ?? term).interval)}</td><td>${term.quartiles ? `${figure(term.quartiles.change)} from ${figure(term.quartiles.from)} to ${figure(term.quartiles.to)}` : ''}</td>`,
  ])
  const body = markup`${terms.length === 0 ? markup`` : effectsFigure(effects)}
<div class="card all"><details><summary>All ${count(terms.length + 1)} coefficients</summary><div class="scroll">${table(
    ['column', 'change in log odds', 'per', '95 % interval', 'between quartiles'],
    [['(intercept)', markup`<td>${figure(intercept)}</td><td></td><td>${range(own)}</td><td></td>`], ...rows],
  )}</div>${left > 0 ? markup`<p class="sub">and ${count(left)} more in report.json</p>` : markup``}</details></div>`
  return isOneOfSeveral
    ? markup`<details class="class"><summary>Coefficients for ${name}</summary>${body}</details>`
    : markup`<h2>Coefficients for ${name}</h2>${body}`
}

type TermCoefficient = Coefficients['terms'][number]

/** A category's against the commonest level of its column, a number's per standard deviation. */
function effectOf(term: TermCoefficient): Effect {
  const {contrast, interval, value, standardized} = term
  if (contrast !== undefined) return {name: nameOf(term), value: contrast.value, interval: contrast.interval}
  const factor = value === 0 ? 0 : standardized / value
  return {
    name: nameOf(term),
    value: standardized,
    interval: interval && [interval[0] * factor, interval[1] * factor],
  }
}

function isReference({level, contrast}: TermCoefficient): boolean {
  return contrast !== undefined && contrast.against === level
}

function nameOf({column, level, kind}: TermCoefficient): string {
  if (kind === 'missing') return `${column} is missing`
  return level === undefined ? column : `${column} = ${level}`
}

function unitOf(term: TermCoefficient): string {
  const {unit, kind, contrast} = term
  if (isReference(term)) return 'the others are compared with it'
  if (contrast !== undefined) return `compared with ${contrast.against}`
  if (unit === 'normal-score') return 'one normal score'
  return kind === 'numeric' ? 'one unit' : 'being true'
}

function notes({leftOut, transforms, assumptions, model, timings, run}: Report): Markup {
  const {readMs, fitMs, predictMs, writeMs} = timings
  return markup`<h2>Method</h2><div class="card">${list('', assumptions)}${details(
    `Columns left out (${count(leftOut.length)})`,
    leftOut.map(({column, reason}) => `${column}: ${reason}`),
  )}${details(
    `Columns mapped to a bell curve (${count(transforms.length)})`,
    transforms.map(
      ({column, quartiles: [low, middle, high]}) =>
        `${column}: quartiles ${figure(low)}, ${figure(middle)}, ${figure(high)}`,
    ),
  )}<p class="sub">Logistic regression, ${model.pretrained === null ? `${penaltyOf(model.penalty)}, ${model.iterations} iterations` : `pretrained (SHA-256 ${model.pretrained.sha256})`}. Reading ${count(readMs)} ms, fitting ${count(fitMs)} ms, predicting ${count(predictMs)} ms, writing ${count(writeMs)} ms.</p>${run === undefined ? '' : markup`<p class="sub">${provenance(run)}</p>`}</div>`
}

function penaltyOf({l2}: Report['model']['penalty']): string {
  if (l2 === null) return 'penalty unknown'
  return l2 === 0 ? 'no penalty' : `L2 penalty (C = ${figure(1 / l2)})`
}

/** Where the report comes from, in sentences. */
function provenance({date, revision, execution, image, worker, input}: Provenance): string {
  const by = [
    ...(revision === null ? [] : [`revision ${revision}`]),
    ...(execution === null ? [] : [`execution ${execution}`]),
    ...(image === null ? [] : [`image ${image}`]),
    `worker ${worker}`,
  ]
  const checksum = input.crc32c === null ? '' : `, CRC32C ${input.crc32c}`
  return `Processed ${date} by ${by.join(', ')}. Input: generation ${input.generation}, ${count(input.sizeBytes)} bytes${checksum}.`
}

function details(title: string, lines: readonly string[]): Markup {
  return lines.length === 0
    ? markup``
    : markup`<details><summary>${title}</summary>${list('', lines)}</details>`
}

function list(style: string, lines: readonly string[]): Markup {
  return lines.length === 0
    ? markup``
    : markup`<ul class="${style}">${lines.map((text) => markup`<li>${text}</li>`)}</ul>`
}

function total(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0)
}
