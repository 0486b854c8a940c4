import {randomUUID} from 'node:crypto'
import type {Image, Images} from '../../artifact-registry/images.ts'
import {ApiError} from '../../wire/api-error.ts'
import type {Clock} from '../../wire/clock.ts'
import {isReady, pendingRevision, reconciling} from './conditions.ts'
import {effectiveConcurrency} from '../capacity/container.ts'
import {newEtag} from '../etag.ts'
import {generatedName} from '../generated-name.ts'
import {pinnedImage} from '../pinned-image.ts'
import {canonicalTemplate} from './canonical-template.ts'
import {type Revision, type RevisionTemplate, type ServiceSpec, shortName} from '../resources.ts'
import type {RunStore, StoredRevision, StoredService} from '../store.ts'
import {ALL_TO_LATEST, namedRevisions} from '../serving/traffic.ts'

/** The next state of a service: its row and, if the template has changed, the new revision. */
export interface Desired {
  readonly service: StoredService
  readonly revision: StoredRevision | undefined
}

/** Works out the next state of a service without writing anything. @throws ApiError */
export type PlanService = (
  name: string,
  spec: ServiceSpec,
  before: StoredService | undefined,
  modifier: string,
) => Desired

export interface PlanDependencies {
  readonly clock: Clock
  readonly images: Pick<Images, 'resolve'>
  readonly store: RunStore
}

/** Turns a service as its user wants it into rows. */
export function createServicePlanner({clock, images, store}: PlanDependencies): PlanService {
  const now = (): string => new Date(clock.now()).toISOString()

  const plan: PlanService = (name, spec, before, modifier) => {
    const time = now()
    const generation = String(Number(before?.status.generation ?? '0') + 1)
    const {revision, revisions} = planRevision(name, spec, before, generation, modifier)
    const known = revision ? shortName(revision.revision.name) : ''
    for (const target of namedRevisions(spec.traffic ?? [])) {
      if (target !== known && !store.revision(`${name}/revisions/${target}`)) {
        throw new ApiError(
          'INVALID_ARGUMENT',
          `Violation in service.traffic: revision "${target}" of ${name} does not exist.`,
        )
      }
    }
    return {
      revision,
      service: {
        name,
        spec: {...spec, traffic: spec.traffic?.length ? spec.traffic : [...ALL_TO_LATEST]},
        revisions,
        status: {
          uid: randomUUID(),
          createTime: time,
          creator: modifier,
          ...before?.status,
          generation,
          updateTime: time,
          lastModifier: modifier,
          ...(revision ? {latestCreatedRevision: revision.revision.name} : {}),
          terminalCondition: reconciling('Ready', time),
          conditions: [reconciling('RoutesReady', time), reconciling('ConfigurationsReady', time)],
          reconciling: true,
          etag: newEtag(),
        },
      },
    }
  }

  const planRevision = (
    name: string,
    spec: ServiceSpec,
    before: StoredService | undefined,
    generation: string,
    creator: string,
  ) => {
    const template = spec.template ?? {}
    const canonical = canonicalTemplate(template)
    const revisions = before?.revisions ?? 0
    const latest =
      before?.status.latestCreatedRevision === undefined
        ? undefined
        : store.revision(before.status.latestCreatedRevision)
    const explicit = template.revision ?? ''
    // A failed revision is retried if the same template is deployed again: what was missing may exist now.
    if (
      latest?.template === canonical &&
      (explicit === '' || shortName(latest.revision.name) === explicit) &&
      isReady(latest.revision)
    ) {
      return {revision: undefined, revisions}
    }
    const short = explicit === '' ? generatedName(name, revisions + 1) : explicit
    const existing = store.revision(`${name}/revisions/${short}`)
    if (existing && (existing.template !== canonical || isReady(existing.revision))) {
      throw new ApiError(
        'ALREADY_EXISTS',
        `Revision named '${short}' with different configuration already exists; revisions cannot be changed, choose another name.`,
      )
    }
    const image = images.resolve(template.containers?.[0]?.image ?? '')
    return {
      revision: {
        revision: newRevision(name, short, template, image, generation, creator),
        template: canonical,
        image,
      },
      revisions: revisions + 1,
    }
  }

  const newRevision = (
    service: string,
    short: string,
    template: RevisionTemplate,
    image: Image | undefined,
    generation: string,
    creator: string,
  ): Revision => {
    const {revision: _name, healthCheckDisabled: _skipped, ...settings} = template
    const time = now()
    return {
      name: `${service}/revisions/${short}`,
      uid: randomUUID(),
      generation,
      createTime: time,
      updateTime: time,
      launchStage: 'GA',
      service,
      ...settings,
      ...(settings.containers
        ? {
            containers: settings.containers.map((container) => ({
              ...container,
              image: pinnedImage(container.image ?? '', image),
            })),
          }
        : {}),
      maxInstanceRequestConcurrency: effectiveConcurrency(settings),
      reconciling: true,
      conditions: pendingRevision(time),
      observedGeneration: generation,
      creator,
      etag: newEtag(),
    }
  }

  return plan
}
