import {createHash} from 'node:crypto'
import type {ServiceAgents} from './access.ts'

/**
 * Service agents by project; the project's number follows from its id, so it is the same for ever. Google takes the
 * number wherever it takes the id, and gcloud requests agents by number.
 */
export function createServiceAgents(): ServiceAgents {
  const numbers = new Map<string, string>()
  function projectNumber(project: string): string {
    if (/^\d+$/.test(project)) return project
    const known = numbers.get(project)
    if (known !== undefined) return known
    const digest = createHash('sha256').update(`project:${project}`).digest()
    const number = String(100_000_000_000 + (digest.readUIntBE(0, 6) % 900_000_000_000))
    numbers.set(project, number)
    return number
  }
  return {
    projectNumber,
    storage: (project) => `service-${projectNumber(project)}@gs-project-accounts.iam.gserviceaccount.com`,
    pubsub: (project) => `service-${projectNumber(project)}@gcp-sa-pubsub.iam.gserviceaccount.com`,
  }
}
