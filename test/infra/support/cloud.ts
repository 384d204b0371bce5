/** A resource that Pulumi asks its engine for. */
export interface NewResource {
  readonly type: string
  readonly name: string
  readonly inputs: Record<string, unknown>
}
/** A question that Pulumi asks a provider. */
export interface Call {
  readonly token: string
  readonly inputs: Record<string, unknown>
}

const region = 'eu-central-1'
const account = '123456789012'

/** What AWS makes of a resource, as far as other resources are made from it. */
export function outputsOf({ type, name, inputs }: NewResource): { id: string; state: Record<string, unknown> } {
  const id = `${name}-id`
  const own = (names: Record<string, string>, key: string) => String(inputs[key] ?? names[key] ?? name)
  const common = { ...inputs, arn: `arn:aws:${type.split(':')[1]}:${region}:${account}:${own({}, 'name')}` }
  const more: Record<string, () => Record<string, unknown>> = {
    'aws:lambda/function:Function': () => {
      const arn = `arn:aws:lambda:${region}:${account}:function:${own({}, 'name')}`
      return {
        arn,
        qualifiedArn: `${arn}:1`,
        invokeArn: `${arn}/invoke`,
        responseStreamingInvokeArn: `${arn}/stream`,
        publish: false,
        lastModified: 'today',
      }
    },
    'aws:lambda/functionUrl:FunctionUrl': () => ({ functionUrl: `https://${name.toLowerCase()}.lambda-url.example/` }),
    'aws:lambda/invocation:Invocation': () => ({ result: '{"applied":1}' }),
    'aws:s3/bucket:Bucket': () => ({
      arn: `arn:aws:s3:::${own({}, 'bucket')}`,
      bucketDomainName: 'bucket.example',
      bucketRegionalDomainName: `${name.toLowerCase()}.s3.${region}.amazonaws.com`,
    }),
    'aws:apigatewayv2/api:Api': () => ({ apiEndpoint: 'https://api.example', executionArn: 'arn:aws:execute-api:x' }),
    'aws:apigatewayv2/domainName:DomainName': () => ({
      domainNameConfiguration: { targetDomainName: 'target.example', hostedZoneId: 'Z1' },
    }),
    'aws:acm/certificate:Certificate': () => ({
      domainValidationOptions: [{ resourceRecordName: 'a', resourceRecordType: 'CNAME', resourceRecordValue: 'b' }],
    }),
    'aws:apigateway/restApi:RestApi': () => ({
      rootResourceId: 'root',
      executionArn: `arn:aws:execute-api:${region}:${account}:${id}`,
    }),
    'aws:rds/instance:Instance': () => ({
      endpoint: 'instance.example:3306',
      address: 'instance.example',
      identifier: `${name}-identifier`,
      port: 3306,
    }),
    'aws:rds/proxy:Proxy': () => ({ endpoint: 'proxy.example' }),
    'aws:ec2/vpc:Vpc': () => ({ cidrBlock: '10.0.0.0/16' }),
    'random:index/randomPassword:RandomPassword': () => ({ result: 'password/of?the+database' }),
    'random:index/randomBytes:RandomBytes': () => ({ base64: 'a2V5' }),
    'tls:index/privateKey:PrivateKey': () => ({ privateKeyOpenssh: 'private', publicKeyOpenssh: 'public' }),
  }
  return { id, state: { ...common, ...more[type]?.() } }
}

/**
 * What AWS answers.
 *
 * @param quota how many functions the account may run at once; null: whoever deploys may not ask
 */
export function answer({ token, inputs }: Call, quota: number | null): Record<string, unknown> {
  switch (token) {
    case 'aws:servicequotas/getServiceQuota:getServiceQuota':
      if (quota === null) throw new Error('AccessDeniedException')
      return { value: quota, serviceCode: inputs.serviceCode, quotaCode: inputs.quotaCode }
    case 'aws:index/getRegion:getRegion':
      return { region, name: region, id: region }
    case 'aws:index/getPartition:getPartition':
      return { partition: 'aws', id: 'aws' }
    case 'aws:index/getCallerIdentity:getCallerIdentity':
      return { accountId: account, id: account, arn: 'arn', userId: 'user' }
    case 'aws:index/getAvailabilityZones:getAvailabilityZones':
      return { names: ['a', 'b', 'c'].map((zone) => region + zone), zoneIds: ['1', '2', '3'] }
    case 'aws:iam/getPolicyDocument:getPolicyDocument': {
      const statements = inputs.statements as readonly unknown[] | undefined
      return { json: JSON.stringify({ statements }), ...(statements?.length ? { statements } : {}) }
    }
    case 'aws:ec2/getAmi:getAmi':
      return { id: `ami of ${JSON.stringify(inputs.filters)} by ${String(inputs.owners)}` }
    case 'aws:route53/getZone:getZone':
      return { id: 'Z2', zoneId: 'Z2', name: 'example.com' }
    case 'aws:route53/getZones:getZones':
      return { ids: ['Z2'] }
    default:
      throw new Error(`nothing is known about ${token}`)
  }
}
