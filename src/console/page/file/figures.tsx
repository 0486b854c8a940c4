import type {FileStory} from '../../api.ts'

/** How good the model is, on rows it had not seen. */
export function Figures({model}: {readonly model: NonNullable<FileStory['model']>}) {
  const {auc, accuracy, logLoss, rows, labelColumn, warnings} = model
  const figures = [
    ['AUC', auc],
    ['accuracy', accuracy],
    ['log loss', logLoss],
  ] as const
  return (
    <section>
      <h2>Model</h2>
      <dl class="figures">
        {figures.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value === null ? 'unknown' : value.toFixed(3)}</dd>
          </div>
        ))}
        <div>
          <dt>rows</dt>
          <dd>{rows.toLocaleString('en')}</dd>
        </div>
      </dl>
      <p class="quiet">Label column {labelColumn}</p>
      {warnings.length > 0 && (
        <ul class="warnings">
          {warnings.map((text) => (
            <li key={text}>{text}</li>
          ))}
        </ul>
      )}
    </section>
  )
}
