import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type DataFolder, FolderInUse, openDataFolder, requireDataFolder } from '../data/data-folder.ts'
import { StartError } from '../errors/start-error.ts'
import { databaseName, portFile, user } from './private-server.ts'
import type { Environment } from './run-command.ts'
import { startDatabase } from './start-database.ts'

/** The database that `npm start` keeps in a folder. */
export interface OpenLocalDatabase {
  /** Holds a secret. */
  readonly url: string
  /** Ends the server if it was started for this, and leaves a running stack alone. */
  stop(): Promise<void>
}

/**
 * Opens the database in a data folder: that of the stack which runs there, or, where none does, a server of our own for the
 * moment.
 *
 * @param log gets one line for whatever takes long
 * @throws StartError if it cannot be had, or there is none: nothing is made here
 */
export async function openLocalDatabase(
  path: string,
  env: Environment,
  log: (line: string) => void,
): Promise<OpenLocalDatabase> {
  await requireDataFolder(path, 'database', 'DATA_DIR')
  let folder: DataFolder
  try {
    folder = await openDataFolder(path)
  } catch (error) {
    if (error instanceof FolderInUse) return { url: await runningUrl(path, error.pid), stop: async () => undefined }
    throw error
  }
  try {
    const server = await startDatabase({ folder, env, log })
    return {
      url: server.url,
      stop: async () => {
        await server.stop()
        await folder.release()
      },
    }
  } catch (error) {
    await folder.release()
    throw error
  }
}

async function runningUrl(path: string, pid: number): Promise<string> {
  try {
    const port = Number(await readFile(portFile(path), 'utf8'))
    const password = (await readFile(join(path, 'secrets', 'database-password'), 'utf8')).trim()
    return `mysql://${user}:${password}@127.0.0.1:${port}/${databaseName}`
  } catch {
    throw new StartError(
      `Process ${pid} uses ${path}, and no database of its own runs there: it is about to start or to end, ` +
        'or it was started with a DATABASE_URL, which this command then needs too.',
    )
  }
}
