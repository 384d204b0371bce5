import { lockWaitSeconds, sessionIdleSeconds, workMs } from '../core/database/limits.ts'
import { capitalised } from './names.ts'
import { rotatedUsers, type Settings } from './settings.ts'

/** A dedicated MySQL behind RDS Proxy. */
export interface RdsDatabase {
  readonly url: $util.Output<string>
  readonly instance: aws.rds.Instance
}

/** The server's settings for every session, those of the proxy included. */
const parameters = [
  // Also between the proxy and the server.
  { name: 'require_secure_transport', value: 'ON' },
  // What core/database/session.ts expects: a SET statement would pin the proxy's connection to one client.
  { name: 'transaction_isolation', value: 'READ-COMMITTED' },
  { name: 'innodb_lock_wait_timeout', value: String(lockWaitSeconds) },
]

/** Its other settings, for the proxy's sessions alone: a dump may be idle for longer, and read for longer. */
const initQuery = `SET wait_timeout = ${sessionIdleSeconds}, max_execution_time = ${workMs}`

/**
 * The users beside SST's own that the proxy knows: those whose password is set. The proxy keeps one password of a user, so two
 * of one user, which MySQL would take, do not help: it would refuse functions that started with the former.
 *
 * @param inUse must have one
 */
function createLogins(inUse: string) {
  return rotatedUsers.map((username) => {
    const name = `RdsPassword${capitalised(username.slice(-1))}`
    return { username, password: new sst.Secret(name, username === inUse ? undefined : '').value }
  })
}

/** The server, private, encrypted and backed up, and in production kept at all costs. */
export function createRds(
  vpc: sst.aws.Vpc,
  {
    DEPLOY_DATABASE_INSTANCE: instanceClass,
    DEPLOY_DATABASE_MAX_GIGABYTES: ceiling,
    DEPLOY_DATABASE_MULTI_AZ,
    DEPLOY_DATABASE_USER: inUse,
  }: Settings,
): RdsDatabase {
  $transform(aws.rds.ProxyDefaultTargetGroup, (args) => {
    // A caller that waits for a connection gives up after the time that work may take.
    args.connectionPoolConfig = { initQuery, connectionBorrowTimeout: workMs / 1000 }
  })
  const keeps = $app.removal !== 'remove'
  const logins = createLogins(inUse)
  const mysql = new sst.aws.Mysql('Mysql', {
    vpc,
    version: '8.4',
    instance: instanceClass,
    // It starts with 20 GB and grows by itself.
    storage: `${ceiling} GB`,
    multiAz: DEPLOY_DATABASE_MULTI_AZ === 'yes',
    username: 'vision',
    database: 'vision',
    // Functions come and go by the hundred; the server has some sixty connections.
    proxy: $resolve(logins).apply((all) => ({ credentials: all.filter(({ password }) => password !== '') })),
    transform: {
      parameterGroup: (args) => {
        args.parameters = parameters
      },
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
  const login = logins.find(({ username }) => username === inUse) ?? mysql
  const url = $resolve([login.username, login.password, mysql.host, mysql.port, mysql.database]).apply(
    ([username, password, host, port, database]) =>
      `mysql://${encodeURIComponent(username)}:${encodeURIComponent(password)}@${host}:${port}/${database}?ssl=${ssl}`,
  )
  const { instance } = mysql.nodes
  if (!instance) throw new Error('SST has made no instance')
  return { url, instance }
}
