import { deployName } from './names.ts'
import type { Settings } from './settings.ts'

/**
 * The budget of a month, where one is set. AWS checks it a few times a day, for the whole account; what the
 * providers' models cost is on their own bills.
 */
export function createBudget({ DEPLOY_BUDGET_DOLLARS: dollars, DEPLOY_ALARM_EMAIL: email }: Settings): void {
  if (dollars === undefined || email === undefined) return
  const tell = (notificationType: 'ACTUAL' | 'FORECASTED', threshold: number) => ({
    notificationType,
    comparisonOperator: 'GREATER_THAN',
    threshold,
    thresholdType: 'PERCENTAGE',
    subscriberEmailAddresses: [email],
  })
  new aws.budgets.Budget('Budget', {
    name: `${deployName()}-month`,
    budgetType: 'COST',
    timeUnit: 'MONTHLY',
    limitAmount: String(dollars),
    limitUnit: 'USD',
    notifications: [tell('ACTUAL', 80), tell('FORECASTED', 100)],
  })
}
