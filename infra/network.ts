import type { Settings } from './settings.ts'

/** The addresses of the private network. */
const addresses = '10.0.0.0/16'
/** Who publishes the images of NAT instances: the fck-nat project. */
const natPublisher = '568608671756'
/** As many as SST's network spans by default. */
export const zones = 2

/** A private network, and the way into it for an engineer who repairs something there. */
export interface Network {
  readonly vpc: sst.aws.Vpc
  /** An instance that Session Manager reaches, and that reaches the database. Nothing listens on it. */
  readonly bastion: $util.Output<string> | undefined
}

/** A network for the database and the functions, with a way out to the providers, to the hosts of images and to a JWKS. */
export function createNetwork({ DEPLOY_NAT, DEPLOY_NAT_IMAGE, DEPLOY_BASTION }: Settings): Network {
  const usesInstances = DEPLOY_NAT === 'ec2'
  const needsBastion = DEPLOY_BASTION === 'yes'
  const vpc = new sst.aws.Vpc('Network', {
    // By its full name: the newest image of a third party is whatever they publish next.
    nat: usesInstances ? { type: 'ec2', ec2: { instance: 't4g.nano', ami: natImage(DEPLOY_NAT_IMAGE) } } : 'managed',
    // A NAT instance is reached in the same way, and serves for both.
    bastion: needsBastion && !usesInstances,
    transform: {
      vpc: (args) => {
        args.cidrBlock = addresses
      },
      // SST opens both to the whole internet. Replies need no rule.
      natSecurityGroup: (args) => {
        args.ingress = [{ protocol: '-1', fromPort: 0, toPort: 0, cidrBlocks: [addresses] }]
      },
      // Session Manager's agent calls out; there are no inbound connections.
      bastionSecurityGroup: (args) => {
        args.ingress = []
      },
      natInstance: withRequiredTokens,
      bastionInstance: withRequiredTokens,
    },
  })
  // Images go to and from the bucket past the NAT, at no charge.
  new aws.ec2.VpcEndpoint('StorageEndpoint', {
    vpcId: vpc.id,
    vpcEndpointType: 'Gateway',
    serviceName: $interpolate`com.amazonaws.${aws.getRegionOutput().region}.s3`,
    routeTableIds: vpc.nodes.privateRouteTables.apply((tables) => tables.map(({ id }) => id)),
  })
  return { vpc, bastion: needsBastion ? (usesInstances ? natInstance(vpc, 0) : vpc.bastion) : undefined }
}

/** The id of a NAT instance; each zone has one. */
export function natInstance(vpc: sst.aws.Vpc, zone: number): $util.Output<string> {
  return vpc.nodes.natInstances.apply((instances) => instances[zone]?.id ?? $util.output(''))
}

/** The id of a NAT gateway; each zone has one. */
export function natGateway(vpc: sst.aws.Vpc, zone: number): $util.Output<string> {
  return vpc.nodes.natGateways.apply((gateways) => gateways[zone]?.id ?? $util.output(''))
}

/** In each region the same name is a different image. */
function natImage(name: string): $util.Output<string> {
  return aws.ec2.getAmiOutput({
    owners: [natPublisher],
    filters: [{ name: 'name', values: [name] }],
    // AWS hides images older than two years, which can still be launched.
    includeDeprecated: true,
  }).id
}

/** Its credentials are safe from a caller that merely makes it fetch an address. */
function withRequiredTokens(args: aws.ec2.InstanceArgs): undefined {
  args.metadataOptions = { httpTokens: 'required', httpEndpoint: 'enabled' }
  return undefined
}
