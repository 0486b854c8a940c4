import {invalid} from './errors.ts'

/**
 * Storage classes by the price of storing at rest, the dearest first; each may become one of those in its list by a
 * lifecycle rule. https://cloud.google.com/storage/docs/lifecycle#setstorageclass
 */
const TRANSITIONS: Readonly<Record<string, readonly string[]>> = {
  MULTI_REGIONAL: ['STANDARD', 'NEARLINE', 'COLDLINE', 'ARCHIVE'],
  REGIONAL: ['STANDARD', 'NEARLINE', 'COLDLINE', 'ARCHIVE'],
  STANDARD: ['NEARLINE', 'COLDLINE', 'ARCHIVE'],
  DURABLE_REDUCED_AVAILABILITY: ['MULTI_REGIONAL', 'REGIONAL', 'STANDARD', 'NEARLINE', 'COLDLINE', 'ARCHIVE'],
  NEARLINE: ['COLDLINE', 'ARCHIVE'],
  COLDLINE: ['ARCHIVE'],
  ARCHIVE: [],
}
const CLASSES = Object.keys(TRANSITIONS)

/** @throws StorageError 400 if it is not the name of a storage class */
export function checkStorageClass(name: unknown): void {
  if (typeof name !== 'string' || !CLASSES.includes(name.toUpperCase())) {
    throw invalid(
      `Invalid storage class ${JSON.stringify(name)}; it is one of STANDARD, NEARLINE, COLDLINE, ARCHIVE.`,
    )
  }
}

/** Whether a lifecycle rule may move an object from one class to another. */
export function mayBecome(from: string, to: string): boolean {
  return TRANSITIONS[from]?.includes(to) ?? false
}

/** Of several classes, the one that costs least at rest. */
export function cheapest(classes: readonly string[]): string | undefined {
  return classes.toSorted((one, other) => CLASSES.indexOf(other) - CLASSES.indexOf(one))[0]
}
