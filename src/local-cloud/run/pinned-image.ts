import type {Image} from '../artifact-registry/images.ts'
import {byDigest, parseReference} from '../artifact-registry/reference.ts'

/** Revisions name their image by digest, whatever tag it was deployed with. */
export function pinnedImage(reference: string, image: Image | undefined): string {
  const parsed = parseReference(reference)
  return image === undefined || parsed === undefined ? reference : byDigest(parsed, image.digest)
}
