import {defineConfig} from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    setupFiles: ['test/support/suggestions-as-text.ts'],
    // Bounds for what hangs, which no loaded machine reaches; tests wait for events, not for times.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: {poll: {timeout: 60_000}},
    maxWorkers: 2,
    env: {METADATA_SERVER_DETECTION: 'none', NO_COLOR: '1'},
    reporters: ['default', ['json', {outputFile: 'test-results/vitest.json'}]],
  },
})
