import {setTimeout as pause} from 'node:timers/promises'
import {createServiceAgents} from '../../src/local-cloud/iam/service-agents.ts'
import type {Observations} from '../support/documented-differences.ts'
import {startPushEndpoint} from '../support/push-endpoint.ts'

interface Answer {
  readonly status: number
  readonly body: Record<string, unknown>
}

/** The steps `push, …` record how often a refused push is repeated within this time. */
const WATCHED_MS = 2500

/** The same calls to a Pub/Sub server, whichever it is. @param origin its REST API */
export async function observe(origin: string): Promise<Observations> {
  const seen: Observations = {}
  const call = async (method: string, path: string, body?: object): Promise<Answer> => {
    const response = await fetch(`${origin}/v1/projects/p/${path}`, {
      method,
      headers: {'content-type': 'application/json'},
      ...(body ? {body: JSON.stringify(body)} : {}),
    })
    const text = await response.text()
    return {status: response.status, body: fields(text === '' ? {} : JSON.parse(text))}
  }
  /** The answer's status, with the error's name where it is one. */
  const outcome = async (method: string, path: string, body?: object): Promise<string> => {
    const answer = await call(method, path, body)
    const error = fields(answer.body['error'])['status']
    return typeof error === 'string' ? `${answer.status} ${error}` : String(answer.status)
  }
  const topic = (name: string): string => `projects/p/topics/${name}`
  const make = async (name: string, settings: object = {}): Promise<Answer> => {
    await call('PUT', `topics/${name}`, {})
    return call('PUT', `subscriptions/${name}`, {topic: topic(name), ...settings})
  }
  const publish = (name: string, ...messages: object[]): Promise<Answer> =>
    call('POST', `topics/${name}:publish`, {messages})
  const pull = async (name: string): Promise<Record<string, unknown>[]> => {
    const {body} = await call('POST', `subscriptions/${name}:pull`, {
      maxMessages: 10,
      returnImmediately: true,
    })
    return Array.isArray(body['receivedMessages']) ? body['receivedMessages'].map(fields) : []
  }

  seen['a topic is created'] = await outcome('PUT', 'topics/first', {labels: {a: 'b'}})
  seen['a topic is created again'] = await outcome('PUT', 'topics/first', {})
  seen['a topic of two letters'] = await outcome('PUT', 'topics/ab', {})
  seen['a topic with a reserved name'] = await outcome('PUT', 'topics/google-topic', {})
  seen['a missing topic'] = await outcome('GET', 'topics/missing')
  seen['a policy of a topic'] = await outcome('GET', 'topics/first:getIamPolicy')
  seen['a subscription without a topic'] = await outcome('PUT', 'subscriptions/none', {
    topic: topic('missing'),
  })
  seen['a subscription with defaults'] = (await make('plain')).body
  seen['a subscription is created again'] = await outcome('PUT', 'subscriptions/plain', {
    topic: topic('plain'),
  })
  for (const seconds of [9, 600, 601])
    seen[`an ack deadline of ${seconds} s`] = await outcome('PUT', `subscriptions/deadline-${seconds}`, {
      topic: topic('first'),
      ackDeadlineSeconds: seconds,
    })
  seen['an expiration after an hour'] = await outcome('PUT', 'subscriptions/expiring', {
    topic: topic('first'),
    expirationPolicy: {ttl: '3600s'},
  })
  for (const attempts of [4, 101])
    seen[`dead letters after ${attempts} attempts`] = await outcome('PUT', `subscriptions/dead-${attempts}`, {
      topic: topic('first'),
      deadLetterPolicy: {deadLetterTopic: topic('plain'), maxDeliveryAttempts: attempts},
    })
  seen['an invalid filter'] = await outcome('PUT', 'subscriptions/mistaken', {
    topic: topic('first'),
    filter: 'attributes.a == ',
  })
  seen['an unknown field'] = await outcome('PUT', 'subscriptions/unknown', {
    topic: topic('first'),
    nonsense: 1,
  })

  seen['an empty publish'] = await outcome('POST', 'topics/plain:publish', {messages: []})
  seen['an empty message'] = await outcome('POST', 'topics/plain:publish', {messages: [{}]})
  await publish('plain', {data: 'YQ==', attributes: {k: 'v'}})
  const [message = {}] = await pull('plain')
  seen['a pulled message'] = {
    ...stable(fields(message['message'])),
    besides: Object.keys(message).filter((name) => name !== 'message'),
  }
  seen['an acknowledgement of nothing'] = await outcome('POST', 'subscriptions/plain:acknowledge', {
    ackIds: ['x'],
  })
  await call('POST', 'subscriptions/plain:modifyAckDeadline', {
    ackIds: [message['ackId']],
    ackDeadlineSeconds: 0,
  })
  seen['a nacked message'] = (await pull('plain')).length
  await make('filtered', {filter: 'attributes.k = "v"'})
  await publish('filtered', {data: 'YQ==', attributes: {k: 'v'}}, {data: 'Yg==', attributes: {k: 'w'}})
  seen['messages that pass a filter'] = (await pull('filtered')).length
  seen['a new filter'] = await outcome('PATCH', 'subscriptions/filtered', {
    subscription: {filter: ''},
    updateMask: 'filter',
  })
  seen['a new ack deadline'] = fields(
    (
      await call('PATCH', 'subscriptions/filtered', {
        subscription: {ackDeadlineSeconds: 33},
        updateMask: 'ackDeadlineSeconds',
      })
    ).body,
  )['ackDeadlineSeconds']
  await make('ordered', {enableMessageOrdering: true})
  await publish('ordered', {data: 'MQ==', orderingKey: 'k'}, {data: 'Mg==', orderingKey: 'k'})
  seen['messages of one ordering key, in one pull'] = (await pull('ordered')).length
  await make('sought')
  await publish('sought', {data: 'YQ=='})
  seen['a seek'] = await outcome('POST', 'subscriptions/sought:seek', {time: '2100-01-01T00:00:00Z'})
  seen['messages after a seek to the future'] = (await pull('sought')).length
  await make('left')
  await call('DELETE', 'topics/left')
  seen['the topic of a subscription whose topic was deleted'] = (
    await call('GET', 'subscriptions/left')
  ).body['topic']
  seen['a subscription is detached'] = await outcome('POST', 'subscriptions/sought:detach')
  seen['a page of one topic'] = Object.keys((await call('GET', 'topics?pageSize=1')).body).toSorted()

  await Promise.all([
    ...[200, 201, 202, 203, 204, 302, 400].map(async (status) => {
      const endpoint = await startPushEndpoint((pushed) => {
        if (status === 302) pushed.response.setHeader('location', '/elsewhere')
        pushed.answer(status)
      })
      await make(`push-${status}`, {pushConfig: {pushEndpoint: endpoint.url}})
      await publish(`push-${status}`, {data: 'YQ==', attributes: {k: 'v'}})
      const first = await endpoint.next()
      await pause(WATCHED_MS)
      const paths = new Set(endpoint.seen.map(({response}) => response.req.url))
      seen[`push, answered ${status}`] =
        paths.size > 1 ? 'followed' : endpoint.seen.length > 1 ? 'comes again' : 'acknowledged'
      if (status === 200)
        seen['the body of a push'] = {
          ...first.json,
          message: stable(fields(first.json.message)),
          type: first.headers['content-type'],
          method: first.method,
        }
    }),
    (async () => {
      const endpoint = await startPushEndpoint((pushed) => pushed.answer(204))
      await make('raw', {
        pushConfig: {pushEndpoint: endpoint.url, noWrapper: {writeMetadata: true}},
      })
      await publish('raw', {data: 'YQ==', attributes: {k: 'v'}})
      const {body, headers} = await endpoint.next()
      seen['a push without a wrapper'] = {
        body,
        headers: Object.keys(headers)
          .filter((name) => name.startsWith('x-goog-') || name === 'k')
          .toSorted(),
      }
    })(),
    (async () => {
      const refusing = await startPushEndpoint((pushed) => pushed.answer(500))
      const taking = await startPushEndpoint((pushed) => pushed.answer(200))
      await make('letters', {pushConfig: {pushEndpoint: taking.url}})
      await make('refused', {
        pushConfig: {pushEndpoint: refusing.url},
        deadLetterPolicy: {deadLetterTopic: topic('letters'), maxDeliveryAttempts: 5},
      })
      await grantDeadLetters(call)
      await publish('refused', {data: 'YQ==', attributes: {k: 'v'}})
      const {json} = await taking.next()
      seen['deliveries before a dead letter'] = refusing.seen.length
      seen['the attributes of a dead letter'] = Object.fromEntries(
        Object.entries(json.message.attributes ?? {}).map(([name, value]) => [
          name,
          name.endsWith('Time') ? 'a time' : value,
        ]),
      )
      seen['the delivery attempt in a push with dead letters'] = refusing.seen.map(
        (push) => push.json.deliveryAttempt,
      )
    })(),
  ])
  return seen
}

/** Pub/Sub's own account must be allowed to hand dead letters on; the emulator knows no policies. */
async function grantDeadLetters(
  call: (method: string, path: string, body: object) => Promise<Answer>,
): Promise<void> {
  const agent = createServiceAgents().pubsub('p')
  const members = [`serviceAccount:${agent}`]
  await call('POST', 'topics/letters:setIamPolicy', {
    policy: {bindings: [{role: 'roles/pubsub.publisher', members}]},
  })
  await call('POST', 'subscriptions/refused:setIamPolicy', {
    policy: {bindings: [{role: 'roles/pubsub.subscriber', members}]},
  })
}

/** Ids and times are there or not; what they are differs from run to run. */
function stable(message: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(message)
      .map(([name, value]) => [name, /id$|time$/i.test(name) ? 'there' : value] as const)
      .toSorted(([a], [b]) => (a < b ? -1 : 1)),
  )
}

function fields(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? {...value} : {}
}
