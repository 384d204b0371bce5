import { cp, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { findServer, type InstalledServer, serverDirectories } from '../../../dev/database/find-server.ts'
import { makeData } from '../../../dev/database/make-data.ts'
import { sharedByFiles } from '../shared.ts'

/** The database server of this machine. */
export async function installedServer(): Promise<InstalledServer> {
  const server = await findServer(await serverDirectories(process.env))
  if (!server) throw new Error('no server')
  return server
}

/**
 * Puts the data of a new server into a data folder, which a server then starts on. It is made once for all files of a run: to
 * make it costs twice as much as to start on it.
 */
export async function putServerData(dataFolder: string): Promise<void> {
  const made = await sharedByFiles('server-data', async (folder) => {
    await makeData(folder, await installedServer())
    return folder
  })
  await mkdir(dataFolder, { recursive: true })
  await cp(join(made, 'database'), join(dataFolder, 'database'), { recursive: true })
}
