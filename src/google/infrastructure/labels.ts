import {isJsonObject} from '../../core/json.ts'
import type {Settings} from '../../core/settings/settings.ts'
import {textIn, type Json} from '../rest.ts'

/** Annotation of the service: keys of the settings' labels, so that those which the settings no longer have are known. */
const RECORD = 'cloud-runner-labels'
const LABEL_FIELDS: ReadonlySet<string> = new Set(['labels', 'userLabels'])

/** Keys of labels that earlier settings had. @param service as it exists */
export function formerLabels(service: Json | undefined, {labels}: Pick<Settings, 'labels'>): string[] {
  const annotations = service?.['annotations']
  const recorded = isJsonObject(annotations) ? textIn(annotations, RECORD) : undefined
  return (recorded ?? '').split(',').filter((key) => key !== '' && !Object.hasOwn(labels, key))
}

/**
 * The service's annotations with the record of these labels; empty if it has none, and needs none.
 * @param former keys that other resources may still have
 */
export function withLabelRecord(
  current: Json,
  {labels}: Pick<Settings, 'labels'>,
  former: readonly string[] = [],
): {readonly annotations?: Json} {
  const annotations = isJsonObject(current['annotations']) ? current['annotations'] : {}
  const {[RECORD]: _, ...others} = annotations
  const keys = [...Object.keys(labels), ...former].toSorted()
  const next = keys.length === 0 ? others : {...others, [RECORD]: keys.join(',')}
  return current['annotations'] === undefined && keys.length === 0 ? {} : {annotations: next}
}

/**
 * A body for an update that replaces labels as a whole: labels of others stay, and those that are `null` go.
 * @param current absent: for a creation
 */
export function withLabels(body: Json, current: Json = {}): Json {
  return Object.fromEntries(
    Object.entries(body).map(([key, value]) => {
      const there = current[key]
      const before = isJsonObject(there) ? there : {}
      if (!isJsonObject(value)) return [key, value]
      if (key === 'template') return [key, withLabels(value, before)]
      if (!LABEL_FIELDS.has(key)) return [key, value]
      return [
        key,
        Object.fromEntries(Object.entries({...before, ...value}).filter(([, text]) => text !== null)),
      ]
    }),
  )
}
