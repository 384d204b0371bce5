import { exampleJob } from '../../core/api/jobs/examples.ts'
import type { Wire } from '../support/providers/wire.ts'

/** What becomes of the job and of its provider. */
export type Decision =
  /** The answer is used. */
  | 'completed'
  /** The run counts as the job's failure, and the provider is as well as before. */
  | 'retry'
  /** The same, and it counts against the provider. */
  | 'retry and count'
  /** No failure of the job's; it counts against the provider. */
  | 'wait and count'
  /** No failure of the job's; the provider is left alone for a while. */
  | 'wait'
  /** The same, and the clock of the jobs stands still. */
  | 'wait for the reset'
  /** The provider is paused for everybody until an operator has done something; the clock stands still. */
  | 'operator'
  /** The job fails at once. */
  | 'permanent'

export type Case = readonly [title: string, wire: Wire, decision: Decision]

const html = { 'content-type': 'text/html; charset=UTF-8' }
const page = (title: string) => `<!DOCTYPE html><html><head><title>${title}</title></head><body>${title}</body></html>`

// Gemini.

const google = (code: number, status: string, message: string, details?: readonly object[]): Wire => ({
  status: code,
  body: { error: { code, message, status, ...(details && { details }) } },
})
const invalid = (message: string) => google(400, 'INVALID_ARGUMENT', message)
const reason = (name: string) => ({ '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: name })
const keyInvalid = google(400, 'INVALID_ARGUMENT', 'API key not valid. Please pass a valid API key.', [
  reason('API_KEY_INVALID'),
])
const limit = (message: string, violations: readonly object[] = [], retryDelay?: string): Wire =>
  google(429, 'RESOURCE_EXHAUSTED', message, [
    { '@type': 'type.googleapis.com/google.rpc.QuotaFailure', violations },
    ...(retryDelay ? [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay }] : []),
  ])
const exceeded = 'You exceeded your current quota, please check your plan and billing details.'

const described = JSON.stringify(exampleJob.outputs.analysis?.result)
const counted = { promptTokenCount: 1210, candidatesTokenCount: 380, totalTokenCount: 1590 }
const generated = (parts: unknown, more: object = {}): Wire => ({
  body: {
    candidates: [{ content: { role: 'model', parts }, finishReason: 'STOP', index: 0 }],
    usageMetadata: counted,
    modelVersion: 'gemini-3.5-flash-lite',
    ...more,
  },
})
const finished = (finishReason: string, more: object = {}): Wire => ({
  body: { candidates: [{ finishReason, index: 0, ...more }], usageMetadata: counted },
})

export const geminiCases: readonly Case[] = [
  ['a good answer', generated([{ text: described }]), 'completed'],
  ['an answer in two parts', generated([{ text: described.slice(0, 99) }, { text: described.slice(99) }]), 'completed'],
  ['a thought before it', generated([{ text: '**Hm**', thought: true }, { text: described }]), 'completed'],
  ['no finish reason', { body: { candidates: [{ content: { parts: [{ text: described }] } }] } }, 'completed'],
  ['no count of tokens', generated([{ text: described }], { usageMetadata: undefined }), 'completed'],
  ['an empty count of tokens', generated([{ text: described }], { usageMetadata: {} }), 'completed'],
  [
    'counts that are none',
    generated([{ text: described }], {
      usageMetadata: { promptTokenCount: 'many', candidatesTokenCount: -3, thoughtsTokenCount: 1.5 },
    }),
    'completed',
  ],
  [
    'a count without bounds',
    generated([{ text: described }], { usageMetadata: { promptTokenCount: 9e15 } }),
    'completed',
  ],
  ['a model of another type', generated([{ text: described }], { modelVersion: { name: 'x' } }), 'completed'],
  ['a finish reason in small letters', finished('stop', { content: { parts: [{ text: described }] } }), 'completed'],
  [
    'blanks after a whole answer until there is no room',
    finished('MAX_TOKENS', { content: { parts: [{ text: `${described}${'\n'.repeat(999)}` }] } }),
    'completed',
  ],

  ['a cut-off answer', finished('MAX_TOKENS', { content: { parts: [{ text: described.slice(0, 50) }] } }), 'retry'],
  [
    'a cut-off answer that lacks its brackets alone',
    finished('MAX_TOKENS', { content: { parts: [{ text: described.replace(/["\]}]*$/, '"') }] } }),
    'retry',
  ],
  ['nothing that can be seen', generated([{ text: '\u200b\u2060\ufeff' }]), 'retry'],
  ['thinking that leaves no room', finished('MAX_TOKENS', { content: { role: 'model' } }), 'retry'],
  ['a recitation', finished('RECITATION'), 'retry'],
  ['a function call that nobody asked for', finished('MALFORMED_FUNCTION_CALL'), 'retry'],
  ['a reason of next year', finished('SOMETHING_NEW'), 'retry'],
  ['no candidates', { body: { usageMetadata: { promptTokenCount: 1210, totalTokenCount: 1210 } } }, 'retry'],
  ['candidates that are none', { body: { candidates: [null], usageMetadata: counted } }, 'retry'],

  ['a refused prompt', { body: { promptFeedback: { blockReason: 'PROHIBITED_CONTENT' } } }, 'permanent'],
  ['a withheld answer', finished('SAFETY'), 'permanent'],
  ['a withheld image', finished('IMAGE_SAFETY'), 'permanent'],
  ['a broken image', invalid('Unable to process input image. Please retry or report.'), 'permanent'],
  ['an image that it takes for none', invalid('Provided image is not valid.'), 'permanent'],
  ['a type that it does not see', invalid('Unsupported MIME type: image/x-icon'), 'permanent'],
  [
    'too long a prompt',
    invalid('The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).'),
    'permanent',
  ],
  [
    'too large a body, said by the front end',
    { status: 413, headers: html, body: page('413 Request Entity Too Large') },
    'permanent',
  ],

  ['a refused key', keyInvalid, 'operator'],
  ['a refused key in an array', { ...keyInvalid, body: [keyInvalid.body] }, 'operator'],
  ['a key that is over', google(400, 'INVALID_ARGUMENT', 'API key expired. Please renew the API key.'), 'operator'],
  [
    'a key of the wrong kind',
    google(401, 'UNAUTHENTICATED', 'Request had invalid authentication credentials.'),
    'operator',
  ],
  [
    'a service that is not enabled',
    google(403, 'PERMISSION_DENIED', 'It is disabled.', [reason('SERVICE_DISABLED')]),
    'operator',
  ],
  ['a region', google(400, 'FAILED_PRECONDITION', 'User location is not supported for the API use.'), 'operator'],
  ['a plan', google(400, 'FAILED_PRECONDITION', 'The free tier is not available in your country.'), 'operator'],
  ['a precondition', google(400, 'FAILED_PRECONDITION', 'Precondition check failed.'), 'operator'],
  [
    'a model that is gone',
    google(404, 'NOT_FOUND', 'models/gemini-1.5-flash is not found for API version v1beta.'),
    'operator',
  ],
  ['a model without JSON mode', invalid('JSON mode is not enabled for models/gemini-2.5-flash-image'), 'operator'],
  [
    'a model without instructions',
    invalid('Developer instruction is not enabled for models/gemma-3-27b-it'),
    'operator',
  ],
  [
    'a name that it does not know',
    invalid('Invalid JSON payload received. Unknown name "x" at \'generation_config\': Cannot find field.'),
    'operator',
  ],
  [
    'a schema with too many states',
    invalid('The specified schema produces a constraint that has too many states for serving.'),
    'operator',
  ],
  [
    'a parameter out of range',
    invalid('Unable to submit request because temperature must be in the range [0, 2].'),
    'operator',
  ],
  [
    'a type of answers that it does not have',
    invalid('* GenerateContentRequest.generation_config.response_mime_type: allowed mimetypes are `text/plain`.'),
    'operator',
  ],
  [
    'a schema with an image in its words',
    invalid('Invalid JSON schema: the property "input image" has no type.'),
    'operator',
  ],
  [
    'more tokens of answer than there are',
    invalid('max_output_tokens 100000 exceeds the maximum number of tokens allowed by the model (8192).'),
    'operator',
  ],
  [
    'a refused key within a 200, without its status',
    { body: { error: { status: 'INVALID_ARGUMENT', message: 'API key not valid. Please pass a valid API key.' } } },
    'operator',
  ],
  ['an empty prepaid balance', google(429, 'RESOURCE_EXHAUSTED', 'Your prepayment credits are depleted.'), 'operator'],
  ['a spent cap', google(429, 'RESOURCE_EXHAUSTED', 'Your project has exceeded its monthly spending cap.'), 'operator'],
  [
    'a limit of nothing',
    limit(`${exceeded}\n* Quota exceeded for metric: requests, limit: 0, model: gemini-3.1-pro`, [], '20s'),
    'operator',
  ],

  [
    'a full minute',
    limit(exceeded, [{ quotaId: 'GenerateRequestsPerMinutePerProjectPerModel', quotaValue: '20' }], '38.1s'),
    'wait',
  ],
  [
    'a limit without a reason',
    google(429, 'RESOURCE_EXHAUSTED', 'Resource has been exhausted (e.g. check quota).'),
    'wait',
  ],
  [
    'a limit within a 200, without its status',
    { body: { error: { status: 'RESOURCE_EXHAUSTED', message: 'Resource has been exhausted (e.g. check quota).' } } },
    'wait',
  ],
  [
    'a limit said by a proxy',
    { status: 429, headers: { ...html, 'retry-after': '40' }, body: page('Too Many Requests') },
    'wait',
  ],
  [
    'a full day',
    limit(exceeded, [{ quotaId: 'GenerateRequestsPerDayPerProjectPerModel-FreeTier', quotaValue: '20' }], '12s'),
    'wait for the reset',
  ],

  [
    'a full day that only its message tells',
    google(
      429,
      'RESOURCE_EXHAUSTED',
      "Quota exceeded for the limit 'GenerateRequestsPerDayPerProject' of the service.",
    ),
    'wait for the reset',
  ],

  ['a bare 400', invalid('Request contains an invalid argument.'), 'retry and count'],
  [
    'a 400 of the front end',
    { status: 400, headers: html, body: page('Error 400 (Bad Request)!!1') },
    'retry and count',
  ],
  ['a 403 of a firewall', { status: 403, headers: html, body: page('Blocked') }, 'retry and count'],
  ['a 404 of a proxy', { status: 404, headers: html, body: page('404 Not Found') }, 'retry and count'],
  ['a 500', google(500, 'INTERNAL', 'An internal error has occurred.'), 'retry and count'],
  ['a 502', { status: 502, headers: html, body: page('Error 502 (Server Error)!!1') }, 'retry and count'],
  ['a 504', google(504, 'DEADLINE_EXCEEDED', 'Deadline expired before operation could complete.'), 'retry and count'],
  ['a redirect', { status: 302, headers: { location: 'http://127.0.0.1:1/login' } }, 'retry and count'],
  ['a portal', { headers: html, body: '<html>login</html>' }, 'retry and count'],
  ['JSON of somebody else', { body: { ok: true } }, 'retry and count'],
  ['an empty body', { body: '' }, 'retry and count'],
  ['an answer that breaks off', { ...generated([{ text: described }]), cut: 'within' }, 'retry and count'],
  ['a connection that breaks off', { cut: 'before' }, 'retry and count'],
  ['an overload beside no candidates', { body: { candidates: [], error: { code: 500 } } }, 'retry and count'],
  ['an overload', google(503, 'UNAVAILABLE', 'The model is overloaded. Please try again later.'), 'wait and count'],
  [
    'an overload within a 200',
    { ...google(503, 'UNAVAILABLE', 'The model is overloaded.'), status: 200 },
    'wait and count',
  ],
]

// DeepSeek.

const openai = (status: number, message: string, code = 'invalid_request_error'): Wire => ({
  status,
  body: { error: { message, type: code, param: null, code } },
})
const summary = JSON.stringify({ headline: 'A sale', summary: 'A navy poster.', keyPoints: ['A poster', 'A sale'] })
const used = { prompt_tokens: 690, completion_tokens: 240, total_tokens: 930, prompt_cache_hit_tokens: 448 }
export const completed = (content: unknown, finish_reason: unknown = 'stop', usage: unknown = used): Wire => ({
  body: {
    model: 'deepseek-flash',
    choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason }],
    usage,
  },
})

export const deepseekCases: readonly Case[] = [
  ['a good answer', completed(summary), 'completed'],
  ['blank lines and then the answer', { ...completed(summary), blankLines: 3 }, 'completed'],
  ['no finish reason', completed(summary, null), 'completed'],
  ...['STOP', 'eos', 'stop_sequence', 'end_turn'].map(
    (reason): Case => [`${reason} at its end`, completed(summary, reason), 'completed'],
  ),
  [
    'blanks after a whole answer until there is no room',
    completed(`${summary}${' '.repeat(999)}`, 'length'),
    'completed',
  ],
  ['the object that a gateway has made of the text', completed(JSON.parse(summary)), 'completed'],
  ['parts of text', completed([{ type: 'text', text: summary }]), 'completed'],
  ['no count of tokens', completed(summary, 'stop', null), 'completed'],
  ['counts of null', completed(summary, 'stop', { ...used, prompt_cache_hit_tokens: null }), 'completed'],
  ['counts that are none', completed(summary, 'stop', { prompt_tokens: '6e2', completion_tokens: -1 }), 'completed'],

  ['blanks', completed(' \n'.repeat(20)), 'retry'],
  ['a cut-off answer', completed(summary.slice(0, 20), 'length'), 'retry'],
  ['a cut-off answer that lacks its brackets alone', completed(summary.slice(0, -2), 'MAX_TOKENS'), 'retry'],
  ['nothing that can be seen', completed('\u00a0\u200b\ufeff'.repeat(5)), 'retry'],
  ['a repetition', completed('{"headline":"x', 'repetition_truncation'), 'retry'],
  ['a reason of next year', completed(summary, 'something_new'), 'retry'],
  ['no choices', { body: { choices: [], usage: used } }, 'retry'],

  ['risk', openai(400, 'Content Exists Risk'), 'permanent'],
  ['risk in another envelope', { status: 400, body: { detail: 'Content Exists Risk' } }, 'permanent'],
  [
    'risk in an envelope within another',
    { status: 400, body: { detail: { error: { message: 'Content Exists Risk' } } } },
    'permanent',
  ],
  ['risk within a 200', { ...openai(400, 'Content Exists Risk'), status: 200 }, 'permanent'],
  [
    'risk of another host',
    { status: 400, body: { code: 'DataInspectionFailed', message: 'It may be inappropriate.' } },
    'permanent',
  ],
  [
    'an input that another host has flagged',
    { status: 403, body: { error: { code: 403, message: 'Your input was flagged.' } } },
    'permanent',
  ],
  ['a withheld answer', completed('', 'content_filter'), 'permanent'],
  ['a withheld answer in capitals', completed('', 'CONTENT_FILTER'), 'permanent'],
  ['too long a prompt', openai(400, "This model's maximum context length is 65536 tokens."), 'permanent'],
  ['too large a body', { status: 413, headers: html, body: page('413') }, 'permanent'],

  [
    'a refused key',
    openai(401, 'Authentication Fails, Your api key: ****kkkk is invalid', 'authentication_error'),
    'operator',
  ],
  ...[
    'Authentication Fails (governor)',
    '',
    { message: 'Invalid authentication credentials' },
    { success: false, errors: [{ code: 2009, message: 'Unauthorized' }] },
  ].map((body): Case => [`a refused key in ${JSON.stringify(body)}`, { status: 401, body }, 'operator']),
  [
    'a refused key in a body of its own',
    { status: 400, body: { code: 'InvalidApiKey', message: 'It is not valid.' } },
    'operator',
  ],
  [
    'a refused key within a 200',
    { ...openai(401, 'Authentication Fails', 'authentication_error'), status: 200 },
    'operator',
  ],
  ['an empty balance without a word', { status: 402, body: '' }, 'operator'],
  [
    'an empty balance within a 200',
    { ...openai(402, 'Insufficient Balance', 'unknown_error'), status: 200 },
    'operator',
  ],
  [
    'an empty balance beside no choices',
    { body: { choices: [], error: { message: 'Insufficient Balance' } } },
    'operator',
  ],
  ['an empty balance in Chinese', openai(429, '余额不足或无可用资源包,请充值。', '1113'), 'operator'],
  ['an empty balance', openai(402, 'Insufficient Balance', 'unknown_error'), 'operator'],
  ['a model that is gone', openai(400, 'Model Not Exist'), 'operator'],
  [
    'the names that there are',
    openai(400, 'The supported API model names are deepseek-flash or deepseek-v4-pro, but you passed deepseek-chat.'),
    'operator',
  ],
  [
    'a parameter out of range',
    openai(400, 'Invalid max_tokens value, the valid range of max_tokens is [1, 4096]'),
    'operator',
  ],
  ['a model that cannot think', openai(400, 'thinking is not supported here'), 'operator'],
  ['an envelope within another', { status: 400, body: { error: openai(400, 'Model Not Exist').body } }, 'operator'],
  ['no JSON mode', openai(400, 'This response_format type is unavailable now'), 'operator'],
  [
    'a field that it does not know',
    openai(422, 'Failed to deserialize the JSON body into the target type: unknown field `thinking`'),
    'operator',
  ],
  ['an empty quota', openai(429, 'You exceeded your current quota.', 'insufficient_quota'), 'operator'],

  ['a limit', openai(429, 'Rate limit reached', 'rate_limit_reached'), 'wait'],
  ['a limit within a 200', { ...openai(429, 'Rate limit reached', 'rate_limit_reached'), status: 200 }, 'wait'],
  ['a limit in seconds', { ...openai(429, 'Rate limit reached'), headers: { 'retry-after': '600' } }, 'wait'],

  ['a bare 422', openai(422, 'Invalid parameters'), 'retry and count'],
  ['a page of a firewall', { status: 403, headers: html, body: page('访问被拦截！') }, 'retry and count'],
  ['JSON of a firewall', { status: 403, body: { message: 'Forbidden' } }, 'retry and count'],
  ['a text of a firewall', { status: 403, body: { error: 'Access denied by the security policy' } }, 'retry and count'],
  ['an error that nobody knows within a 200', { body: { code: 50001, message: 'system busy' } }, 'retry and count'],
  ['a teapot of a firewall', { status: 418, headers: html, body: page('访问被拦截！') }, 'retry and count'],
  ['a 200 of a firewall', { headers: html, body: page('访问被拦截！') }, 'retry and count'],
  ['a 500', openai(500, 'Server error', 'internal_error'), 'retry and count'],
  ['a 504', { status: 504, headers: html, body: page('504 Gateway Time-out') }, 'retry and count'],
  ['an empty body', { body: '' }, 'retry and count'],
  ['blank lines and then nothing', { body: '', blankLines: 3 }, 'retry and count'],
  ['an answer that breaks off', { ...completed(summary), cut: 'within' }, 'retry and count'],
  ['no resources', completed('', 'insufficient_system_resource'), 'retry and count'],
  ['an overload', openai(503, 'Service is too busy.', 'service_unavailable_error'), 'wait and count'],
]
