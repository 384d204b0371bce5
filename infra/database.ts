import { lockWaitSeconds, sessionIdleSeconds, workMs } from '../core/database/limits.ts'
import type { Settings } from './settings.ts'

/** Where the queue is. */
export interface DatabaseAccess {
  readonly url: $util.Output<string>
  /** The network that its users must sit in, if it is private. */
  readonly vpc: sst.aws.Vpc | undefined
  /** The instance, where AWS runs it. */
  readonly instance: aws.rds.Instance | undefined
}

/**
 * MySQL: an instance of its own behind RDS Proxy in a private network, or wherever the secret `DatabaseUrl` says
 * (PlanetScale, or any other server that is to be reached over the internet). `sst dev` runs the functions on the
 * developer's machine, so it takes the database there: `DATABASE_URL`.
 */
export function createDatabase(settings: Settings): DatabaseAccess {
  if (settings.localDatabaseUrl === undefined && settings.DEPLOY_DATABASE === 'rds') return createRds(settings)
  const url = settings.localDatabaseUrl ?? new sst.Secret('DatabaseUrl').value
  return { ...atUrl($util.secret(url)), vpc: undefined, instance: undefined }
}

/** One name for the URL, whichever database it is. */
function atUrl(url: $util.Output<string>) {
  return { url: new sst.Linkable('Database', { properties: { url } }).properties.url }
}

function createRds({ DEPLOY_NAT, DEPLOY_DATABASE_INSTANCE }: Settings): DatabaseAccess {
  // Without NAT neither the providers nor the hosts of images nor a JWKS are to be reached.
  const vpc = new sst.aws.Vpc('Network', { nat: DEPLOY_NAT })
  // Images go to and from the bucket past the NAT, at no charge.
  new aws.ec2.VpcEndpoint('StorageEndpoint', {
    vpcId: vpc.id,
    vpcEndpointType: 'Gateway',
    serviceName: $interpolate`com.amazonaws.${aws.getRegionOutput().region}.s3`,
    routeTableIds: vpc.nodes.privateRouteTables.apply((tables) => tables.map(({ id }) => id)),
  })
  // What core/database/session.ts wants, set by the proxy: a SET of ours would pin a connection to one of the server's few.
  const session = [
    "transaction_isolation = 'READ-COMMITTED'",
    `wait_timeout = ${sessionIdleSeconds}`,
    `innodb_lock_wait_timeout = ${lockWaitSeconds}`,
    `max_execution_time = ${workMs}`,
  ]
  $transform(aws.rds.ProxyDefaultTargetGroup, (args) => {
    // A caller that waits for a connection gives up after the time that work may take.
    args.connectionPoolConfig = {
      initQuery: `SET ${session.join(', ')}`,
      connectionBorrowTimeout: workMs / 1000,
    }
  })
  const keeps = $app.removal !== 'remove'
  const mysql = new sst.aws.Mysql('Mysql', {
    vpc,
    version: '8.4',
    instance: DEPLOY_DATABASE_INSTANCE,
    username: 'vision',
    database: 'vision',
    // Functions come and go by the hundred; the server has some sixty connections.
    proxy: true,
    transform: {
      instance: (args, opts) => {
        args.deletionProtection = keeps
        args.skipFinalSnapshot = !keeps
        if (keeps) args.finalSnapshotIdentifier = `${$app.name}-${$app.stage}-final`
        // The version names no patch release.
        args.autoMinorVersionUpgrade = true
        args.allowMajorVersionUpgrade = false
        opts.protect = keeps
      },
      proxy: (args) => {
        args.requireTls = true
        args.auths = $util
          .output(args.auths)
          .apply((auths = []) =>
            auths.map((auth) => ({ ...auth, clientPasswordAuthType: 'MYSQL_CACHING_SHA2_PASSWORD' })),
          )
      },
    },
  })
  // The proxy's certificate is of Amazon's public authority, which Node.js knows.
  const ssl = encodeURIComponent(JSON.stringify({ rejectUnauthorized: true, verifyIdentity: true }))
  const url = $resolve([mysql.username, mysql.password, mysql.host, mysql.port, mysql.database]).apply(
    ([username, password, host, port, database]) =>
      `mysql://${encodeURIComponent(username)}:${encodeURIComponent(password)}@${host}:${port}/${database}?ssl=${ssl}`,
  )
  return { ...atUrl($util.secret(url)), vpc, instance: mysql.nodes.instance }
}
