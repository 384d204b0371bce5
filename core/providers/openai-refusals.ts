import { nextMidnight } from './next-midnight.ts'
import type { RefusalRules } from './refusals.ts'

/** The refusals of every provider with this protocol: https://platform.openai.com/docs/guides/error-codes */
export const commonRules = {
  blocked:
    /content_policy_violation|content_filter|content exists risk|data_?inspection_?failed|(input|prompt|content|text) (was|has been|is) flagged|敏感内容/i,
  rejected:
    /context_length_exceeded|maximum context length|string_above_max_length|invalid_image|image_parse_error|invalid_base64/i,
  unpaid: /insufficient_quota|insufficient balance|billing_hard_limit_reached|billing_not_active|余额不足/i,
  misconfigured: new RegExp(
    [
      // The key, the plan or the region.
      'invalid_?api_?key|authentication_error|api[ -]key|unsupported_country',
      // The model.
      'model_not_found|invalid_model|model not exist|model names? (are|is)|model .{0,120}(not (exist|found|supported)|deprecated|retired)',
      // Parts that are the same in every request.
      'unsupported_(parameter|value)|unknown_parameter|unknown (field|variant|parameter|name)|missing field|invalid type:',
      'thinking|response_format|max_(completion_)?tokens|temperature|valid range|json_schema|invalid schema',
    ].join('|'),
    'i',
  ),
  rateLimit: ({ error: { message, names } }, now) =>
    [message, ...names].some((text) => /per[_ ]day|daily/i.test(text))
      ? { kind: 'quota_exhausted', retryAfterMs: nextMidnight(now, 'UTC') - now }
      : undefined,
} satisfies RefusalRules
