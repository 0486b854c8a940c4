import type {Mutation} from './hooks.ts'

/** Bugs that the simulator must find: each is a piece of the code as somebody might have written it. */
export const PLANTED: Readonly<Record<string, Mutation>> = {
  'a change is acknowledged before its commit': {
    file: 'src/local-cloud/state/open.ts',
    find: '      end.run()',
    replace: '      for (const answer of answers) answer()\n      end.run()',
  },
  'a change is acknowledged before its commit is synced': {
    file: 'src/local-cloud/state/open.ts',
    find: '    await sync(log, folder)\n    for (const answer of answers) answer()',
    replace: '    for (const answer of answers) answer()\n    await sync(log, folder)',
  },
  'a change is acknowledged by a sync that began before its commit': {
    file: 'src/local-cloud/state/open.ts',
    find: '      isDue = true\n      return',
    replace:
      '      const joining = queue.length === 0 ? [] : commit(queue)\n      queue = []\n      void syncing.then(() => joining.forEach((answer) => answer()))\n      return',
  },
  'a failed sync acknowledges changes': {
    file: 'src/local-cloud/state/open.ts',
    find: '    return new Promise(() => {\n      setImmediate(() => {\n        throw failure\n      })\n    })',
    replace: '    void failure',
  },
  'a start relies on a log that an earlier process failed to sync': {
    file: 'src/local-cloud/state/open.ts',
    find: '    emptyLog(database)\n',
    replace: '    void emptyLog\n',
  },
  'the event of an object is published after its commit': {
    file: 'src/local-cloud/storage/object-changes.ts',
    find: "notifications.publish(bucket, {type: 'OBJECT_FINALIZE', object: stored, ...overwrote}, draft.origin)",
    replace:
      "setTimeout(() => void state.write(() => notifications.publish(bucket, {type: 'OBJECT_FINALIZE', object: stored, ...overwrote}, draft.origin)).catch(() => undefined), 50)",
  },
  'bytes are not synced': {
    file: 'src/local-cloud/state/blobs.ts',
    find: 'file.digest(), file.sync(), ',
    replace: 'file.digest(), file.flush(), ',
  },
  'a new folder is not synced': {
    file: 'src/local-cloud/state/blobs.ts',
    find: '    await syncFolder(dirname(created))',
    replace: '    dirname(created)',
  },
  'generations follow the clock alone': {
    file: 'src/local-cloud/storage/generations.ts',
    find: "Math.max(clock.now() * 1000, (row === undefined ? 0 : integer(row, 'value')) + 1)",
    replace: "clock.now() * 1000 + ((row === undefined ? 0 : integer(row, 'value')) % 1000)",
  },
  'a delivery that expires is not repeated': {
    file: 'src/local-cloud/pubsub/delivery-queue.ts',
    find: "this.#fail(entry, 'expired')\n    }",
    replace: "lease.onEnd('expired')\n    }",
  },
  'a broken connection acknowledges a push': {
    file: 'src/local-cloud/pubsub/push-connections.ts',
    find: "? 'stale' : 'refused')",
    replace: "? 'stale' : 'acknowledged')",
  },
  'a dead letter is acknowledged before it is published': {
    file: 'src/local-cloud/pubsub/deliveries.ts',
    find: '      await state.write(() => {\n        publish(topic, [',
    replace:
      '      await state.write(() => messages.acknowledge(key, [message], {retain: false, now: clock.now()}))\n      await state.write(() => {\n        publish(topic, [',
  },
  'the log does not say which object a failed request was about': {
    file: 'src/local-cloud/run/serving/front-end.ts',
    find: '...(status >= 400 ? pushed.labels() : {})',
    replace: '',
  },
  'a result replaces whatever is there': {
    file: 'worker/runtime/process-file.ts',
    find: 'expectedGeneration: seen.single?.outputGeneration ?? ABSENT,',
    replace: 'expectedGeneration: undefined,',
  },
  'unfinished outputs are not marked as such': {
    file: 'worker/runtime/outputs.ts',
    find: "      {[RESULT_METADATA.pending]: 'true'},",
    replace: '      {},',
  },
  'an input is deleted whatever its generation': {
    file: 'worker/runtime/storage/index.ts',
    find: 'pathOf({bucket, object}, {ifGenerationMatch: generation})',
    replace: 'pathOf({bucket, object}, generation === undefined ? {} : {})',
  },
}
