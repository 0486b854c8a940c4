/** A suite of Google's, as shell commands. */
export interface Suite {
  readonly name: string
  /** Where `fetch` puts it, in the folder of all suites. */
  readonly folder: string
  readonly fetch: string
  /** Runs in its folder, once. */
  readonly build: string
  /** Runs in its folder under `local exec`; `KEY` is the key file of a service account that may do everything. */
  readonly run: string
}

/** As the suites are run at Google: no variable of an emulator, but a service account's key. */
const AT_GOOGLE =
  'unset STORAGE_EMULATOR_HOST PUBSUB_EMULATOR_HOST; export PROJECT_ID=$PROJECT GOOGLE_APPLICATION_CREDENTIALS=$KEY'
const mocha = (files: string): string => `npx mocha ${files} --timeout 60000 --exit --reporter spec`
/** The topic that a suite expects, with a grant for Cloud Storage. */
const topic = (name: string): string =>
  `curl -fsS -X PUT "$STORAGE_EMULATOR_HOST/v1/${name}" -d '{}'
  curl -fsS "$STORAGE_EMULATOR_HOST/v1/${name}:setIamPolicy" \
    -d '{"policy": {"bindings": [{"role": "roles/pubsub.publisher", "members": ["allUsers"]}]}}'`
/** Google's distance: the suite expects to know a message's id before its subscriber has it. */
const DISTANCE = `curl -fsS "$STORAGE_EMULATOR_HOST/_local-cloud/faults" -d '{"faults": [{
  "on": {"rpc": "google.pubsub.v1.Subscriber/StreamingPull"},
  "delayMs": 30, "afterResponseBytes": 0, "times": 1000000}]}'`
const clone = (repository: string, tag: string): string =>
  `git clone --quiet --depth 1 --branch ${tag} https://github.com/googleapis/${repository}`

const NODEJS_STORAGE = {
  folder: 'nodejs-storage',
  fetch: clone('nodejs-storage', 'v7.19.0'),
  build: 'npm install && npm run compile:cjs',
}

export const SUITES: readonly Suite[] = [
  {
    name: 'nodejs-storage',
    ...NODEJS_STORAGE,
    // The one left out throws in a listener unless gzip is unpacked for a client that accepts it, and never ends.
    run: `${AT_GOOGLE}; ${mocha('build/cjs/system-test/storage.js --grep "is served decompressed" --invert')}`,
  },
  {
    name: 'nodejs-storage-conformance',
    ...NODEJS_STORAGE,
    run: `export STORAGE_EMULATOR_HOST=$STORAGE_EMULATOR_HOST/; ${mocha('"build/cjs/conformance-test/**/*.js"')}`,
  },
  {
    name: 'python-storage',
    folder: 'python-storage',
    fetch: clone('python-storage', 'v3.9.0'),
    build: `python3 -m venv venv; venv/bin/pip install --quiet -e . pytest pytest-asyncio pytest-rerunfailures mock \
      brotli google-cloud-testutils google-cloud-iam google-cloud-pubsub google-cloud-kms`,
    run: `${AT_GOOGLE}; venv/bin/pytest -v tests/system tests/resumable_media/system`,
  },
  {
    name: 'nodejs-pubsub',
    folder: 'nodejs-pubsub',
    fetch: clone('nodejs-pubsub', 'v5.3.0'),
    build: 'npm install --ignore-scripts; npx tsc -p . --noEmitOnError false || true; cp -r protos build/',
    run: `${DISTANCE}; ${mocha('build/system-test/pubsub.js')}`,
  },
  {
    name: 'go-storage',
    folder: 'go-storage',
    fetch: 'mkdir go-storage',
    build: 'go mod init suites; go get -t cloud.google.com/go/storage@v1.70.0',
    // Those over gRPC are left out: the local cloud does not serve google.storage.v2.
    run: `${topic('projects/http-project/topics/go-storage-notification-test')}
      export STORAGE_EMULATOR_HOST_GRPC=$PUBSUB_EMULATOR_HOST; go test -v -short -timeout 17m \
      -run '^Test(RetryConformance|.*Emulated)$/^http' cloud.google.com/go/storage`,
  },
]
