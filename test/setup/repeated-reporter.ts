import type { Reporter, TestModule } from 'vitest/node'

/** Names the tests that failed at first and passed when they were repeated, so that a race is seen and not forgotten. */
export default class RepeatedReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const repeated = modules
      .flatMap((module) => [...module.children.allTests()].map((test) => ({ module, test })))
      .filter(({ test }) => test.diagnostic()?.flaky)
    for (const { module, test } of repeated) {
      process.stdout.write(`passed only when repeated: ${module.relativeModuleId} > ${test.fullName}\n`)
    }
  }
}
