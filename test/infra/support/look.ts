import { expect } from 'vitest'
import type { Deployment, Resource } from './run-configuration.ts'

/** The resources of a type, such as `aws:lambda/function:Function`. */
export function all({ resources }: Deployment, type: string): readonly Resource[] {
  return resources.filter((resource) => resource.type === type)
}

/** The one resource of a type, or the one of them with a name. */
export function one(deployment: Deployment, type: string, name?: string): Resource {
  const found = all(deployment, type).filter((resource) => name === undefined || resource.name === name)
  expect(found.map((resource) => `${resource.type} ${resource.name}`)).toHaveLength(1)
  return found[0] as Resource
}

export const functionNames = (deployment: Deployment) =>
  all(deployment, 'aws:lambda/function:Function')
    .map(({ name }) => name.replace(/Function$/, ''))
    .toSorted()

/** What a function is made with. */
export function functionOf(deployment: Deployment, name: string): Readonly<Record<string, unknown>> {
  return one(deployment, 'aws:lambda/function:Function', `${name}Function`).inputs
}

/** The environment of a function, without what SST adds for itself. */
export function environmentOf(deployment: Deployment, name: string): Readonly<Record<string, string>> {
  const { variables } = functionOf(deployment, name).environment as { variables: Record<string, string> }
  return Object.fromEntries(Object.entries(variables).filter(([key]) => !key.startsWith('SST_')))
}

/** What a function may do, as `action resource`, and the managed policies it has. */
export function permissionsOf(deployment: Deployment, name: string) {
  const { inlinePolicies, managedPolicyArns, assumeRolePolicy } = one(deployment, 'aws:iam/role:Role', `${name}Role`)
    .inputs as {
    inlinePolicies: readonly { policy: string }[]
    managedPolicyArns?: readonly string[]
    assumeRolePolicy: unknown
  }
  const bucket = String(all(deployment, 'aws:s3/bucket:Bucket')[0]?.inputs.bucket)
  const may = inlinePolicies
    .flatMap(({ policy }) => (JSON.parse(policy) as { statements: readonly Statement[] }).statements)
    .flatMap(({ actions, resources, effect = 'Allow' }) =>
      actions.flatMap((action) =>
        resources.map((resource) => `${effect} ${action} ${resource.replace(bucket, 'BUCKET')}`),
      ),
    )
  return { may, managed: (managedPolicyArns ?? []).map((arn) => arn.replace(/^.*\//, '')), assumeRolePolicy }
}

interface Statement {
  readonly effect?: string
  readonly actions: readonly string[]
  readonly resources: readonly string[]
}
