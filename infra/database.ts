import { createNetwork, type Network } from './network.ts'
import { createRds } from './rds.ts'
import type { Settings } from './settings.ts'

/** Where the queue is. */
export interface DatabaseAccess {
  readonly url: $util.Output<string>
  /** The network that its clients must be in, if it is private. */
  readonly network: Network | undefined
  /** The instance, where AWS runs it. */
  readonly instance: aws.rds.Instance | undefined
}

/**
 * MySQL: an instance of its own behind RDS Proxy in a private network, or wherever the secret `DatabaseUrl` says
 * (PlanetScale, or any other server that is to be reached over the internet). `sst dev` runs the functions on the
 * developer's machine, so it takes the database there: `DATABASE_URL`.
 */
export function createDatabase(settings: Settings): DatabaseAccess {
  if (settings.localDatabaseUrl === undefined && settings.DEPLOY_DATABASE === 'rds') {
    const network = createNetwork(settings)
    const { url, instance } = createRds(network.vpc, settings)
    return { ...atUrl(url), network, instance }
  }
  const url = settings.localDatabaseUrl ?? new sst.Secret('DatabaseUrl').value
  return { ...atUrl(url), network: undefined, instance: undefined }
}

/** The URL has one name, whichever database it is. */
function atUrl(url: $util.Input<string>) {
  return { url: new sst.Linkable('Database', { properties: { url: $util.secret(url) } }).properties.url }
}
