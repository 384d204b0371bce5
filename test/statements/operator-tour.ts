import { operate } from '../../cli/operate.ts'
import { runHere } from '../cli/run-command.ts'

/** Runs the operator's commands, changing ones with and without `--yes`. */
export async function runEveryCommand(
  databaseUrl: string,
  { jobId, keyId }: { readonly jobId: number; readonly keyId: number },
): Promise<void> {
  const { signal } = new AbortController()
  for (const line of [
    'status',
    'jobs',
    'jobs --status failed,scheduled --user ann',
    'jobs --code image. --since 2026-01-01T00:00:00Z',
    'jobs --batch 1 --status pending --before 100',
    'jobs --code image.not_found --status failed --user ann --before 1000',
    'jobs --status scheduled,failed',
    `job ${jobId}`,
    'failures --days 3',
    'minutes --minutes 60',
    'doctor',
    'pause --reason maintenance',
    'pause --provider gemini --reason maintenance',
    'resume --provider gemini --reason over',
    'resume --reason over',
    'redrive --code image.not_found --since 2026-01-01T00:00:00Z',
    'redrive --user bea --yes',
    'cancel --user bea --yes',
    'prune --older-than-days 30',
    'prune --older-than-days 30 --yes',
    'keys --user ann',
    'keys create --user ann --name tour',
    `keys revoke ${keyId}`,
    'actions',
  ]) {
    const { code, output } = await runHere((args, terminal) => operate(args, terminal, signal), line.split(' '), {
      DATABASE_URL: databaseUrl,
    })
    // What the doctor finds is its own affair.
    if (code !== 0 && line !== 'doctor') throw new Error(`${line}: ${output}`)
  }
}
