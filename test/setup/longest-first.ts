import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

const project = join(import.meta.dirname, '../..')

/** The files that take longest, the longest first: the run ends when the last of them does. */
const longest = [
  // First, in a process that has loaded nothing: what was compiled before is not all counted as covered.
  'test/statements/statements.test.ts',
  'test/console/journeys.test.ts',
  'test/rehearsals/pause.test.ts',
  'test/dev/start.test.ts',
  'test/providers/outages.test.ts',
  'test/live/streams.test.ts',
  'test/client/client.test.ts',
  'test/examples.test.ts',
  'test/client/command.test.ts',
  'test/dev/database/start-database.test.ts',
  'test/worker/trouble.test.ts',
  'test/providers/decisions.test.ts',
  'test/dev/boot/entry.test.ts',
  'test/page.test.ts',
  'test/providers/third.test.ts',
  'test/functions/migrate.test.ts',
  'test/drizzle/migrate.test.ts',
  'test/live/many.test.ts',
  'test/queue/find-jobs.test.ts',
  'test/rehearsals/restore.test.ts',
  'test/docs/commands.test.ts',
  'test/queue/shares.test.ts',
  'test/queue/weights.test.ts',
  'test/database/sessions.test.ts',
  'test/queue/history-filters.test.ts',
  'test/functions/poller.test.ts',
  'test/cli/ops.test.ts',
  'test/queue/lost-commit.test.ts',
  'test/worker/loop.test.ts',
  'test/queue/concurrency.test.ts',
  'test/cli/migrate.test.ts',
  'test/queue/fairness.test.ts',
  'test/api/long-poll.test.ts',
  'test/database/client.test.ts',
  'test/dev/boot/run.test.ts',
  'test/dev/boot/prepare.test.ts',
]

/** Begins with the files that take longest; vitest itself knows only their sizes where it has not run them before. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const gone = longest.filter((name) => !existsSync(join(project, name)))
    if (gone.length > 0) throw new Error(`test/setup/longest-first.ts names what is not there: ${gone.join(', ')}`)
    const place = ({ moduleId }: TestSpecification) => {
      const known = longest.findIndex((name) => moduleId.endsWith(`/${name}`))
      return known === -1 ? longest.length : known
    }
    return (await super.sort(files)).toSorted((one, other) => place(one) - place(other))
  }
}
