import { type Alarms, minute } from './alarm.ts'
import type { DatabaseAccess } from './database.ts'
import { natGateway, natInstance, zones } from './network.ts'
import type { Settings } from './settings.ts'

const gigabyte = 1024 ** 3
/** RDS grows the storage below a tenth of it, once in 6 hours. Below this it has not, or it is at its ceiling. */
const leastFreeBytes = gigabyte
/** In percent, for a quarter of an hour. */
const mostCpu = 80
/** A t4g.micro earns 12 an hour. Below this, further credits cost money. */
const leastCredits = 20

/** The alarms of a database of ours, and of its network. */
export function createDatabaseAlarms(alarm: Alarms, settings: Settings, { instance, network }: DatabaseAccess): void {
  if (!instance || !network) return
  const ofDatabase = { namespace: 'AWS/RDS', dimensions: { DBInstanceIdentifier: instance.identifier } }
  const connections = settings.DEPLOY_ALARM_DATABASE_CONNECTIONS
  alarm('DatabaseConnections', {
    description: `The database has had ${connections} connections for 5 minutes.`,
    ...ofDatabase,
    metricName: 'DatabaseConnections',
    statistic: 'Maximum',
    threshold: connections,
    period: minute,
    periods: 5,
  })
  alarm('DatabaseStorage', {
    description: 'The database has less than 1 GB left, and stops when it has none.',
    ...ofDatabase,
    metricName: 'FreeStorageSpace',
    statistic: 'Minimum',
    threshold: leastFreeBytes,
    period: 5 * minute,
    periods: 1,
    below: true,
  })
  alarm('DatabaseCpu', {
    description: `The database has been busy for ${mostCpu} % of 15 minutes.`,
    ...ofDatabase,
    metricName: 'CPUUtilization',
    statistic: 'Average',
    threshold: mostCpu,
    period: 5 * minute,
    periods: 3,
  })
  // Only these classes live on credits.
  if (/^t\d/.test(settings.DEPLOY_DATABASE_INSTANCE)) {
    alarm('DatabaseCredits', {
      description: 'The database has used up its CPU credits: what it computes beyond them costs extra.',
      ...ofDatabase,
      metricName: 'CPUCreditBalance',
      statistic: 'Minimum',
      threshold: leastCredits,
      period: 5 * minute,
      periods: 3,
      below: true,
    })
  }
  const region = aws.getRegionOutput().region
  for (let zone = 0; zone < zones; zone++) {
    if (settings.DEPLOY_NAT === 'ec2') {
      alarm(`NatDown${zone + 1}`, {
        description: 'A NAT instance does not answer: the functions of its zone reach neither providers nor images.',
        namespace: 'AWS/EC2',
        dimensions: { InstanceId: natInstance(network.vpc, zone) },
        metricName: 'StatusCheckFailed_System',
        statistic: 'Maximum',
        threshold: 1,
        period: minute,
        periods: 2,
        missingIsBad: true,
        // On other hardware, with the same address.
        actions: [$interpolate`arn:aws:automate:${region}:ec2:recover`],
      })
      alarm(`NatBroken${zone + 1}`, {
        description: 'A NAT instance runs, and its system does not: the functions of its zone reach nothing outside.',
        namespace: 'AWS/EC2',
        dimensions: { InstanceId: natInstance(network.vpc, zone) },
        metricName: 'StatusCheckFailed_Instance',
        statistic: 'Maximum',
        threshold: 1,
        period: minute,
        periods: 3,
        actions: [$interpolate`arn:aws:automate:${region}:ec2:reboot`],
      })
    } else {
      alarm(`NatDown${zone + 1}`, {
        description: 'A NAT gateway has no port left for a connection: functions reach neither providers nor images.',
        namespace: 'AWS/NATGateway',
        dimensions: { NatGatewayId: natGateway(network.vpc, zone) },
        metricName: 'ErrorPortAllocation',
        statistic: 'Sum',
        threshold: 1,
        period: 5 * minute,
        periods: 1,
      })
    }
  }
}
