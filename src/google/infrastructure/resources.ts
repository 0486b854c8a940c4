import {ownBuckets, type Pipeline} from '../../core/settings/pipeline.ts'
import {secretsOf} from '../../core/secrets/declared.ts'
import {objectsIn, textIn, type Json, type Rest} from '../rest.ts'
import {blueprint} from './blueprint.ts'
import {satisfies} from './difference.ts'
import {emptyBucket} from './empty-bucket.ts'
import type {Grant, PolicyOf} from './grants.ts'
import {settled} from './operation.ts'
import {withLabelRecord} from './labels.ts'
import {grantResource, replacingGrant, restResource, type Resource} from './resource.ts'
import type {ServiceAgents} from './service-agents.ts'

/** Everything that needs no image, in order of creation. */
export function foundation(pipeline: Pipeline, agents: ServiceAgents, rest: Rest): Resource[] {
  const {settings, names} = pipeline
  const {project, region} = settings
  const bodies = blueprint(pipeline)
  const location = `/v1/projects/${project}/locations/${region}`

  const repository = restResource(rest, {
    kind: 'repository',
    name: names.repository,
    service: 'artifactregistry',
    path: `${location}/repositories/${names.repository}`,
    // How many images it keeps may differ: that is a variable of the module, and no setting.
    wanted: (current) => (current === undefined ? bodies.repository : {labels: bodies.repository.labels}),
    create: async (body, {signal}) =>
      settled(
        await rest.request(
          'artifactregistry',
          'POST',
          `${location}/repositories?repositoryId=${names.repository}`,
          body,
        ),
        {rest, service: 'artifactregistry', prefix: '/v1/', signal},
      ),
    update: ({labels}) =>
      rest.request(
        'artifactregistry',
        'PATCH',
        `${location}/repositories/${names.repository}?updateMask=labels`,
        {labels},
      ),
    afterRemoval: (answer, {signal}) =>
      settled(answer, {rest, service: 'artifactregistry', prefix: '/v1/', signal}),
  })

  const account = (email: string, purpose: string) =>
    restResource(rest, {
      kind: 'service account',
      name: email,
      service: 'iam',
      path: `/v1/projects/${project}/serviceAccounts/${email}`,
      wanted: {},
      create: () =>
        rest.request('iam', 'POST', `/v1/projects/${project}/serviceAccounts`, {
          accountId: email.split('@')[0],
          serviceAccount: {
            displayName: `cloud-runner ${settings.name}: ${purpose}`,
            description: `cloud-runner=${settings.name}`,
          },
        }),
    })

  const topic = (short: string) =>
    restResource(rest, {
      kind: 'topic',
      name: short,
      service: 'pubsub',
      path: `/v1/projects/${project}/topics/${short}`,
      wanted: bodies.topic,
      create: (body) => rest.request('pubsub', 'PUT', `/v1/projects/${project}/topics/${short}`, body),
      update: (body) =>
        rest.request('pubsub', 'PATCH', `/v1/projects/${project}/topics/${short}`, {
          topic: {name: `projects/${project}/topics/${short}`, ...body},
          updateMask: 'labels',
        }),
    })

  const own = ownBuckets(pipeline)
  const bucket = (role: 'input' | 'output') => {
    const wanted = bodies.bucket(role)
    const {name, location: _, ...changeable} = wanted
    if (!own.includes(name)) return givenBucket(name)
    return restResource(rest, {
      kind: 'bucket',
      name,
      service: 'storage',
      path: `/storage/v1/b/${name}`,
      wanted: changeable,
      create: (body) =>
        rest.request('storage', 'POST', `/storage/v1/b?project=${project}`, {
          ...body,
          location: wanted.location,
          name,
        }),
      // It leaves labels of others alone, and removes those that are null.
      update: () => rest.request('storage', 'PATCH', `/storage/v1/b/${name}`, changeable),
      beforeRemoval: (doing) => emptyBucket(rest, name, doing),
    })
  }

  const grant = (role: string, email: string, on: PolicyOf) =>
    grantResource(rest, {role, member: `serviceAccount:${email}`, on})

  const bucketGrant = (role: string, name: string): Grant => ({
    role,
    member: `serviceAccount:${names.workerAccount}`,
    on: policyOfBucket(name),
  })
  const isKept = settings.afterwards === 'keep'
  const inputRole = isKept ? 'roles/storage.objectViewer' : 'roles/storage.objectUser'
  const formerRole = isKept ? 'roles/storage.objectUser' : 'roles/storage.objectViewer'

  return [
    repository,
    ...(settings.serviceAccount === undefined ? [account(names.workerAccount, 'worker')] : []),
    account(names.pushAccount, 'push'),
    topic(names.topic),
    topic(names.deadLetterTopic),
    subscription(rest, pipeline, names.deadLetterSubscription, bodies.deadLetterSubscription),
    grant('roles/pubsub.publisher', agents.storage, policyOfTopic(project, names.topic)),
    grant('roles/pubsub.publisher', agents.pubsub, policyOfTopic(project, names.deadLetterTopic)),
    bucket('input'),
    bucket('output'),
    replacingGrant(
      rest,
      bucketGrant(inputRole, names.inputBucket),
      bucketGrant(formerRole, names.inputBucket),
      !own.includes(names.inputBucket),
    ),
    grantResource(
      rest,
      bucketGrant('roles/storage.objectUser', names.outputBucket),
      !own.includes(names.outputBucket),
    ),
    ...[...new Set(secretsOf(settings).map(({secret}) => secret))].map((secret) =>
      grantResource(
        rest,
        {
          role: 'roles/secretmanager.secretAccessor',
          member: `serviceAccount:${names.workerAccount}`,
          on: {
            service: 'secretmanager',
            path: `/v1/projects/${project}/secrets/${secret}`,
            kind: 'secret',
            name: secret,
          },
        },
        true,
      ),
    ),
  ]
}

/** A bucket that existed before the pipeline, which neither creates, changes nor deletes it. */
function givenBucket(name: string): Resource {
  return {
    kind: 'bucket',
    name,
    inspect: async () => 'right',
    create: async () => {},
    update: async () => {},
  }
}

/** The service: `image` is a reference with its digest. */
export function serviceResource(pipeline: Pipeline, image: string, rest: Rest): Resource {
  const {settings, names} = pipeline
  const parent = `/v2/projects/${settings.project}/locations/${settings.region}/services`
  const bodies = blueprint(pipeline)
  const run = (signal: AbortSignal) => ({rest, service: 'run', prefix: '/v2/', signal}) as const
  return restResource(rest, {
    kind: 'service',
    name: names.service,
    service: 'run',
    path: `${parent}/${names.service}`,
    wanted: (current) => bodies.service(image, current),
    create: async (body, {signal}) =>
      settled(
        await rest.request('run', 'POST', `${parent}?serviceId=${names.service}`, {
          ...body,
          ...withLabelRecord({}, settings),
        }),
        run(signal),
      ),
    // A PATCH replaces the whole service; the traffic and its annotations must not change here.
    update: async (body, current, {signal}) =>
      settled(
        await rest.request('run', 'PATCH', `${parent}/${names.service}`, {
          ...body,
          ...(current['traffic'] === undefined ? {} : {traffic: current['traffic']}),
          ...withLabelRecord(current, settings, pipeline.formerLabels),
        }),
        run(signal),
      ),
    afterRemoval: (answer, {signal}) => settled(answer, run(signal)),
  })
}

/** What connects the bucket to the service, in an order in which nothing is delivered too early. */
export function connections(pipeline: Pipeline, agents: ServiceAgents, uri: string, rest: Rest): Resource[] {
  const {settings, names} = pipeline
  const {project, region} = settings
  const bodies = blueprint(pipeline)
  const grant = (role: string, email: string, on: PolicyOf) =>
    grantResource(rest, {role, member: `serviceAccount:${email}`, on})
  return [
    grant('roles/run.invoker', names.pushAccount, {
      service: 'run',
      path: `/v2/projects/${project}/locations/${region}/services/${names.service}`,
      kind: 'service',
      name: names.service,
    }),
    subscription(rest, pipeline, names.subscription, bodies.pushSubscription(uri)),
    grant('roles/pubsub.subscriber', agents.pubsub, {
      service: 'pubsub',
      path: `/v1/projects/${project}/subscriptions/${names.subscription}`,
      kind: 'subscription',
      name: names.subscription,
    }),
    ...notificationResources(pipeline, rest),
  ]
}

/** What every upload needs to be delivered. To inspect only, which does not need the service's address. */
export function eventPath(pipeline: Pipeline, rest: Rest): Resource[] {
  const body = blueprint(pipeline).pushSubscription('https://not-inspected.invalid')
  return [
    subscription(rest, pipeline, pipeline.names.subscription, body),
    ...notificationResources(pipeline, rest),
  ]
}

function subscription(rest: Rest, {settings}: Pipeline, short: string, wanted: Json): Resource {
  const name = `projects/${settings.project}/subscriptions/${short}`
  return restResource(rest, {
    kind: 'subscription',
    name: short,
    service: 'pubsub',
    path: `/v1/${name}`,
    wanted,
    create: (body) => rest.request('pubsub', 'PUT', `/v1/${name}`, body),
    update: (body, current) => {
      const changed = Object.keys(wanted).filter((key) => !satisfies(current[key], wanted[key]))
      return rest.request('pubsub', 'PATCH', `/v1/${name}`, {
        subscription: {name, ...body},
        updateMask: changed.join(','),
      })
    },
  })
}

/**
 * The API silently creates duplicates, and each file would then be processed twice. Notifications of others are left
 * alone; ours with a prefix of earlier settings go once the new ones exist, so that no upload goes unnoticed.
 */
function notificationResources(pipeline: Pipeline, rest: Rest): Resource[] {
  const {names, settings} = pipeline
  const path = `/storage/v1/b/${names.inputBucket}/notificationConfigs`
  const wanted = blueprint(pipeline).notifications
  const prefixOf = (body: Json) => textIn(body, 'object_name_prefix') ?? ''
  const prefixes = new Set(wanted.map(prefixOf))
  const readOurs = async () =>
    objectsIn((await rest.get('storage', path)) ?? {}, 'items').filter((item) =>
      textIn(item, 'topic')?.endsWith(`projects/${settings.project}/topics/${names.topic}`),
    )
  const removeAll = async (items: readonly Json[]) => {
    for (const item of items) await rest.delete('storage', `${path}/${textIn(item, 'id') ?? ''}`)
    return items.length > 0
  }
  return wanted.map((body, index) => {
    const isThis = (item: Json) => prefixOf(item) === prefixOf(body)
    const isOld = (item: Json) => index === wanted.length - 1 && !prefixes.has(prefixOf(item))
    const create = async () => {
      if (!(await readOurs()).some(isThis)) await rest.request('storage', 'POST', path, body)
    }
    return {
      kind: 'notification',
      name: `${names.inputBucket} → ${names.topic}${prefixOf(body) === '' ? '' : ` (${prefixOf(body)}…)`}`,
      async inspect() {
        const ours = await readOurs()
        if (ours.some(isOld)) return 'different'
        return ours.some(isThis) ? 'right' : undefined
      },
      create,
      async update() {
        await create()
        await removeAll((await readOurs()).filter(isOld))
      },
      // Otherwise it is deleted with its bucket.
      ...(ownBuckets(pipeline).includes(names.inputBucket)
        ? {}
        : {remove: async () => removeAll(await readOurs())}),
    }
  })
}

function policyOfTopic(project: string, short: string): PolicyOf {
  return {service: 'pubsub', path: `/v1/projects/${project}/topics/${short}`, kind: 'topic', name: short}
}

function policyOfBucket(bucket: string): PolicyOf {
  return {service: 'storage', path: `/storage/v1/b/${bucket}`, kind: 'bucket', name: bucket}
}
