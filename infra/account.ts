import { SettingsError } from './settings.ts'

/**
 * How many functions this account may run at once, in this region, as Service Quotas says.
 *
 * @throws SettingsError if the deployer lacks the permission to ask
 */
export async function accountConcurrency(): Promise<number> {
  try {
    const { value } = await aws.servicequotas.getServiceQuota({ serviceCode: 'lambda', quotaCode: 'L-B99A9384' })
    return value
  } catch (error) {
    throw new SettingsError(
      'This cannot be deployed:\n  DEPLOY_ACCOUNT_CONCURRENCY is missing, and Service Quotas does not report it ' +
        `(servicequotas:GetServiceQuota): ${error instanceof Error ? error.message : String(error)}\n  ` +
        'Set it to what `aws lambda get-account-settings --query AccountLimit.ConcurrentExecutions` says',
    )
  }
}
