// Written by `npm run docs` from the OpenAPI document. Not to be edited.

export interface paths {
    "/v1/jobs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List jobs
         * @description The jobs of the caller, newest first, without their outputs unless those are asked for. All filters must fit. A page looks at no more than 5,000 jobs: with filters by code or metadata, or by format and also status or batch, it may have fewer jobs than `limit`, or none, while there are more: go on until `nextCursor` is null.
         */
        get: operations["getJobHistory"];
        put?: never;
        /**
         * Create a job
         * @description Puts a job into the queue. With an idempotency key, a repetition gets the job of the first call, and 200 instead of 201. With `Prefer: wait` the answer comes when the job has ended, or else when the time is over.
         */
        post: operations["createJob"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/jobs/batch": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Create up to 100 jobs
         * @description All of them or none, in one body of up to 5.5 MiB: for large images use https URLs or uploads. Those that are new make a batch of their own. One idempotency key may stand for the batch as a whole, or each job may have its own. The answer is 200 instead of 201 if every job was there before.
         */
        post: operations["createJobs"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/jobs/cancel": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Cancel jobs by a filter
         * @description Cancels those of the caller’s jobs that fit a filter and have not ended. A dry run, which counts, unless `dryRun` is false. A call looks at up to 500 jobs, newest first, and a job that does not fit the filter any more when its turn comes is left out. Where `more` comes back true, call again with `nextCursor`. Doing it twice is no error.
         */
        post: operations["cancelMatchingJobs"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/jobs/retry": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Retry failed jobs by a filter
         * @description Gives those of the caller’s jobs that fit a filter and have failed a new life. What they have saved is kept. If this would exceed the caller’s limit of waiting jobs, only as many are retried as there is room for. A dry run, which counts, unless `dryRun` is false. A call looks at up to 500 jobs, newest first, and a job that does not fit the filter any more when its turn comes is left out. Where `more` comes back true, call again with `nextCursor`. Doing it twice is no error.
         */
        post: operations["retryMatchingJobs"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/jobs/delete": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Delete jobs by a filter
         * @description Deletes those of the caller’s jobs that fit a filter, in any status, with their outputs and attempts. A dry run, which counts, unless `dryRun` is false. A call looks at up to 500 jobs, newest first, and a job that does not fit the filter any more when its turn comes is left out. Where `more` comes back true, call again with `nextCursor`. Doing it twice is no error.
         */
        post: operations["deleteMatchingJobs"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/batches": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List batches
         * @description The batches of the caller, newest first.
         */
        get: operations["listBatches"];
        put?: never;
        /**
         * Create a batch
         * @description Makes a batch, to which jobs are then added, for a week. A user has at most 1,000 that take jobs. With an idempotency key, a repetition gets the batch of the first call, and 200 instead of 201.
         */
        post: operations["createBatch"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/estimate": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Estimate what jobs will take
         * @description Calls, cost and time of up to 1,000 jobs in one body of up to 5.5 MiB, and which of them could not be made. Makes nothing, calls no provider and fetches no image: what is wrong with an image that a URL names shows when its job runs. A user may ask 60 times a minute.
         */
        post: operations["estimateJobs"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Watch all jobs, or those of a batch
         * @description Streams how all jobs of the caller change, or those of one batch, as server-sent events, at the address that the `eventsUrl` of a batch or of an events ticket names: `job` with the current state of a changed job, `deleted`, `batch` with the state of a batch whenever jobs of it have ended, and `batch_deleted`. Every change is sent at least once, in no particular order; of two versions of a job the higher is the newer. The stream of a batch ends once that has ended and takes no more jobs. After a while a stream sends `reconnect` and ends; reconnect with the last id, as an EventSource does by itself.
         */
        get: operations["watchJobs"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/events/tickets": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Make a link to the stream of all jobs, or of a batch
         * @description An EventSource cannot send a token, but it can open this link. Its bearer can watch the changes of the caller’s jobs, or of those of one batch, until `expiresAt`, and do nothing else: no event has an image, a text or metadata.
         */
        post: operations["createEventsTicket"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/uploads": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Upload an image
         * @description Grants one upload of exactly this type and at most this size, straight to the storage, within ten minutes. An upload is kept for seven days. With `sha256` a file that was here before need not be sent.
         */
        post: operations["createUpload"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/brands": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List brands
         * @description The brands of the caller that are not archived, newest first, without what they say.
         */
        get: operations["listBrands"];
        put?: never;
        /**
         * Create a brand
         * @description Makes a brand, with its first version. A user has at most 100 that are not archived.
         */
        post: operations["createBrand"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/keys": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List API keys
         * @description The caller’s keys that were not revoked, oldest first: what each begins with, and when it was last used.
         */
        get: operations["listKeys"];
        put?: never;
        /**
         * Make an API key
         * @description Makes a key for the caller, and shows it this once. It is sent as `Authorization: Bearer <key>`. A key makes none with more scopes than its own, nor one that outlives it. A user has at most 50. If the answer is lost, revoke the key and make another.
         */
        post: operations["createKey"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/webhooks": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List webhooks
         * @description The caller’s webhooks, oldest first.
         */
        get: operations["listWebhooks"];
        put?: never;
        /**
         * Create a webhook
         * @description From then on events are posted to the URL, signed with the secret, which is shown this once. A user has at most 10. If the answer is lost, delete the webhook and make another.
         */
        post: operations["createWebhook"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/usage": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * See what was used
         * @description Jobs, runs, calls, tokens, cost and milliseconds of the caller, by day, status and model, and what jobs failed of; also of jobs that are deleted by now. With it what is left of the caller’s limits.
         */
        get: operations["getUsage"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/operator/jobs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Find jobs of all users
         * @description Newest first, by status, last error, user, batch and time of creation, in any combination. A page costs the same however many jobs there are: where no index has the whole filter it looks at 5,000 jobs, and may have fewer than asked for, or none, and a next page.
         */
        get: operations["findJobs"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/operator/failures": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * See what jobs failed of
         * @description By code and step: how many jobs of how many users, when first and last, and one of them to look at. It reads what was counted when they failed, and no job.
         */
        get: operations["getFailures"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/operator/minutes": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * See what was done minute by minute
         * @description Throughput, failures by code, waits, durations and cost of each of the last minutes, up to a day, and of all of them. It reads what workers reported, and no job.
         */
        get: operations["getMinutes"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/worker": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Look at the queue and its workers
         * @description How many jobs are in each status, for how long the oldest waits, the workers, what they did within 5 minutes and an hour, the providers, and the live streams. Costs the same whatever the number of jobs.
         */
        get: operations["getWorkerStatus"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/operator/pause": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Pause claiming
         * @description No more jobs are claimed, or none that need one provider next, until an operator resumes. Running jobs finish, and no job expires meanwhile. A second pause keeps the first.
         */
        post: operations["pauseClaims"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/operator/resume": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Resume claiming
         * @description Ends an operator’s pause, and ends the wait of an open circuit breaker: the provider is called again at once.
         */
        post: operations["resumeClaims"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/operator/redrive": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Redrive failed jobs
         * @description Gives failed jobs a new life, the oldest failures first: due at once, with all their retries. A dry run, unless `dryRun` is false. Where `more` comes back true, call again; a dry run with `since` set to `through`.
         */
        post: operations["redriveJobs"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/operator/jobs/cancel": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Cancel jobs by a filter
         * @description Cancels the jobs of any user that match a filter and have not ended, the newest first. A dry run, unless `dryRun` is false. Where `more` comes back true, call again: what was cancelled does not match any more.
         */
        post: operations["cancelJobs"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/operator/prune": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Prune old jobs
         * @description Deletes jobs that ended long ago with all they made, in small batches that no claim waits for. A dry run, unless `dryRun` is false. Where `more` comes back true, call again.
         */
        post: operations["pruneJobs"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/operator/actions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List what operators did
         * @description Every act of an operator, by whichever way, the latest first.
         */
        get: operations["getOperatorActions"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/jobs/{jobId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Look at a job
         * @description Where a job stands, and what it has made so far. With `Prefer: wait` the answer comes with the next change: after the version that `If-None-Match` names, or else after the one at hand. A job that has ended is answered at once.
         */
        get: operations["getJobStatus"];
        put?: never;
        post?: never;
        /**
         * Delete a job
         * @description Deletes a job in any status, with its outputs and attempts.
         */
        delete: operations["deleteJob"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/jobs/{jobId}/cancel": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Cancel a job
         * @description Cancels a job that has not ended. Doing it twice is no error.
         */
        post: operations["cancelJob"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/jobs/{jobId}/retry": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Retry a failed job
         * @description Gives a failed job a new life: due at once, with all its retries. What it has saved is kept. A job that is under way is answered as it is, so that to call twice is no error.
         */
        post: operations["retryJob"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/jobs/{jobId}/attempts": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the runs of a job
         * @description Every run of a job, oldest first: how it ended, why, and what it took.
         */
        get: operations["getJobAttempts"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/jobs/{jobId}/texts": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Ask for more texts
         * @description Has a job that has completed or failed write more texts from its saved analysis. It counts as a job of the day, and nothing that the job has is made again.
         */
        post: operations["addTexts"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/batches/{batchId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Look at a batch
         * @description The state of its jobs, their cost so far, and their estimated end. With `Prefer: wait` the answer comes with the next change: after the version that `If-None-Match` names, or else after the one at hand. A batch whose jobs have all ended is answered at once.
         */
        get: operations["getBatch"];
        put?: never;
        post?: never;
        /**
         * Delete a batch
         * @description Deletes it with all its jobs, their outputs and attempts, whatever their status. It is gone once `more` is false: until then, call again.
         */
        delete: operations["deleteBatch"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/batches/{batchId}/results": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Take the results of a batch away
         * @description Its jobs with their texts, in the order in which they were made: a row for each, a column for each field of a text. As CSV (`format=csv`) all pages have the same columns, and a cell that a spreadsheet would run begins with an apostrophe. A header `Link` names the next page. With `approved=true` it has approved texts alone, each in the revision that was approved, and no job without one: a page may then have fewer rows than `limit`, or none, while there are more.
         */
        get: operations["getBatchResults"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/batches/{batchId}/jobs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Add jobs to a batch
         * @description Up to 100 jobs in one body of up to 5.5 MiB. Of a batch with `onInvalid` `refuse` all of them are made or none; of one with `skip` those that can be made, and `rejected` says what is wrong with the others. One idempotency key may stand for the call, or each job may have its own. The answer is 200 instead of 201 if it made none.
         */
        post: operations["addBatchJobs"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/batches/{batchId}/csv": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Add the rows of a CSV to a batch
         * @description Up to 10,000 rows in up to 5.5 MiB, made into jobs a hundred at a time. Of a batch with `onInvalid` `refuse` every row is checked before the first is made, and an error names line and column; of one with `skip`, `rejected` does. Where `more` is true, or when the call failed in between, send the same CSV again: what is there already is not made twice.
         */
        post: operations["importBatchCsv"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/batches/{batchId}/cancel": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Cancel a batch
         * @description Cancels those of its jobs that have not ended; it takes no more. Doing it twice is no error, and goes on where there was no time for all of them.
         */
        post: operations["cancelBatch"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/batches/{batchId}/retry": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Retry failed jobs of a batch
         * @description Gives those of its jobs that have failed, or failed with one code, a new life. What they have saved is kept. If this would exceed the caller’s limit of waiting jobs, only as many are retried as there is room for, and `more` is true.
         */
        post: operations["retryBatch"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/jobs/{jobId}/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Watch a job
         * @description Streams what happens to a job, as server-sent events, at the address that its `eventsUrl` names: `status`, `analysis`, `text` for each text that is there or has failed, and at the end `completed`, `failed`, `cancelled` or `deleted`. After a while the stream says `reconnect` and ends; come back with the last id, as an EventSource does by itself.
         */
        get: operations["watchJob"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/brands/{brandId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Look at a brand
         * @description A brand with what it says now, archived or not.
         */
        get: operations["getBrand"];
        /**
         * Change a brand
         * @description Makes the next version of a brand, which says what is sent and nothing else. Jobs that were made before keep theirs. What the brand says already makes no version, so that a call can be sent again.
         */
        put: operations["updateBrand"];
        post?: never;
        /**
         * Archive a brand
         * @description From then on no job can be made with it. Jobs that were made with it keep it, and it can be looked at. Doing it twice is no error.
         */
        delete: operations["archiveBrand"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/brands/{brandId}/versions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the versions of a brand
         * @description Every version of a brand, newest first, without what it says.
         */
        get: operations["listBrandVersions"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/keys/{keyId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Revoke an API key
         * @description Within half a minute the key is refused everywhere. A key may revoke itself.
         */
        delete: operations["revokeKey"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/webhooks/{webhookId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Look at a webhook
         * @description Whether it is enabled, and since when it fails.
         */
        get: operations["getWebhook"];
        put?: never;
        post?: never;
        /**
         * Delete a webhook
         * @description Nothing more is sent to it, and its deliveries are deleted.
         */
        delete: operations["deleteWebhook"];
        options?: never;
        head?: never;
        /**
         * Change a webhook
         * @description What is left out stays. While it is disabled nothing is sent to it, and it is told of nothing that happens; what waited before goes on, once it is enabled, for three days in all.
         */
        patch: operations["updateWebhook"];
        trace?: never;
    };
    "/v1/webhooks/{webhookId}/rotate": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Rotate the secret of a webhook
         * @description Makes a new secret, and shows it this once. For a time each delivery is signed with the ones from before as well, so that the receiver can follow.
         */
        post: operations["rotateWebhookSecret"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/webhooks/{webhookId}/test": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Send a trial call
         * @description Sends a `webhook.test` to the webhook, as any other delivery: its list of deliveries says what came of it. A webhook takes 60 trial calls and resent deliveries a minute.
         */
        post: operations["testWebhook"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/webhooks/{webhookId}/deliveries": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the deliveries of a webhook
         * @description Newest first, with what came of each. They are kept for a week.
         */
        get: operations["listDeliveries"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/operator/jobs/{jobId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Look at any job
         * @description A job of any user with all its details: its last 100 runs with the raw reasons of their errors, what was called and what that took, its trace, its texts.
         */
        get: operations["getJobForOperator"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/operator/users/{user}/limits": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * See the limits of a user
         * @description What holds for one user, and whether an operator has set it or a setting has.
         */
        get: operations["getUserLimits"];
        /**
         * Set the limits of a user
         * @description Replaces all limits that operators have set for a user: what is null or left out is the setting again. They hold from the next job on, wherever a limit is read; jobs that waited for room are admitted within seconds, and none in flight is taken back.
         */
        put: operations["setUserLimits"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/operator/users/{user}/erase": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Erase a user
         * @description Deletes the jobs of a user in any status, with all that they made, images, uploads, keys, webhooks, brands and batches; the usage is kept under a pseudonym. A dry run, unless `dryRun` is false. One call works for 20 seconds at most: where `more` comes back true, call again.
         */
        post: operations["eraseUser"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/jobs/{jobId}/texts/{textId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Look at a text
         * @description One text of a job, with its current revision.
         */
        get: operations["getText"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        /**
         * Edit or approve a text
         * @description Makes a revision of the caller’s own words, which must have the fields of the text’s format, or approves the current one. `If-Match` must have the ETag of the text as the caller read it.
         */
        patch: operations["editText"];
        trace?: never;
    };
    "/v1/jobs/{jobId}/texts/{textId}/regenerate": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Have a text made anew
         * @description Has the next revision of a text made, of a job that has completed or failed; the current one stays readable until then, and among the revisions for good. It counts as a job of the day.
         */
        post: operations["regenerateText"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/jobs/{jobId}/texts/{textId}/revisions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the revisions of a text
         * @description Every revision of a text, newest first: by whom, when, and what was asked for.
         */
        get: operations["listTextRevisions"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/brands/{brandId}/versions/{version}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Look at a version of a brand
         * @description What a brand said at one of its versions. It never changes.
         */
        get: operations["getBrandVersion"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/webhooks/{webhookId}/deliveries/{deliveryId}/resend": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Send a delivery again
         * @description Sends it once more, with the same `webhook-id`, whatever became of it, and tries for another three days. A webhook takes 60 trial calls and resent deliveries a minute.
         */
        post: operations["resendDelivery"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/healthz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Ask whether the service is ready
         * @description Asked without a token, as often as a load balancer likes.
         */
        get: operations["getHealth"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export interface webhooks {
    "job.completed": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * job.completed
         * @description The analysis and all texts of a job are there.
         */
        post: operations["onJobCompleted"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "job.failed": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * job.failed
         * @description A job was ended by an error. It may be retried.
         */
        post: operations["onJobFailed"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "job.cancelled": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * job.cancelled
         * @description A job was cancelled by its owner.
         */
        post: operations["onJobCancelled"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "text.completed": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * text.completed
         * @description A text of a job was made, or made anew.
         */
        post: operations["onTextCompleted"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "batch.completed": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * batch.completed
         * @description Every job of a batch has ended.
         */
        post: operations["onBatchCompleted"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "webhook.test": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * webhook.test
         * @description A trial call, which the owner of the webhook asked for.
         */
        post: operations["onWebhookTest"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export interface components {
    schemas: {
        AddBatchJobs: {
            /** @description Jobs as `CreateJob` has them; what the batch has by default may be left out. A batch takes 10,000 in its life. */
            jobs: {
                [key: string]: unknown;
            }[];
            /** @description The same key with the same request is carried out once, however often it is sent. 1 to 200 characters of printable ASCII, no space at either end. It stands for the call, in which no job may then have its own. The header `Idempotency-Key` may say it instead. */
            idempotencyKey?: string;
        };
        AddTexts: {
            /** @description The texts to write: a job has at most 24 with those that it has. */
            outputs: components["schemas"]["WantedText"][];
        };
        AddedJob: {
            /** @description Where in the call, from 0. */
            index: number;
            /**
             * @description The id of a job.
             * @example 1
             */
            jobId: number;
            /** @description It was there before, by its idempotency key. */
            replayed: boolean;
        };
        AddedJobs: {
            jobs: components["schemas"]["AddedJob"][];
            /** @description Those that cannot be made, of a batch that skips them. */
            rejected: components["schemas"]["RejectedJob"][];
        };
        AltText: {
            /**
             * @description informative: it shows something; text: its words are the message; functional: it is a link or a button; decorative: the purpose says that it only adorns
             * @default informative
             * @enum {string}
             */
            imageRole: "informative" | "text" | "functional" | "decorative";
            /** @description One line; empty for a decorative image, and for no other */
            altText: string;
            /** @description All that matters of the image, for whoever wants to know more */
            longDescription: string;
        };
        AltTextContent: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            outputFormat: "alt_text";
            /** @description The model that made it. */
            model: string;
            /**
             * @description The instructions that it was made by, with their version.
             * @example summary@3
             */
            prompt: string | null;
            /**
             * Format: date-time
             * @description ISO 8601, UTC.
             * @example 2026-11-23T12:00:00.000Z
             */
            createdAt: string;
            result: components["schemas"]["AltText"];
            findings: components["schemas"]["Finding"][];
        };
        AltTextText: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            outputFormat: "alt_text";
            /**
             * @description The number of a text within its job.
             * @example 1
             */
            textId: number;
            language: string;
            platform: components["schemas"]["Platform"] | null;
            brandId: number | null;
            brandVersion: number | null;
            /** @description 1, 2, … among those that are wanted alike. */
            variant: number;
            /**
             * @description waiting: is to be made, or made anew · completed: it is there · failed: for good, until the job is retried · cancelled: with its job
             * @enum {string}
             */
            status: "waiting" | "completed" | "failed" | "cancelled";
            /** @description The current one, which `result` is; 0 while there is none. */
            revision: number;
            /** @description Whether its owner has approved this revision. */
            approved: boolean;
            /** @description Why it is not there, or why the last call for it failed. */
            error: {
                code: components["schemas"]["ErrorCode"];
                message: string;
            } | null;
            model: string | null;
            /**
             * @description The instructions that it was made by, with their version.
             * @example summary@3
             */
            prompt: string | null;
            /** @description The author of the result. */
            author: ("model" | "user") | null;
            /** @description When this revision came. */
            createdAt: string | null;
            findings: components["schemas"]["Finding"][];
            result: components["schemas"]["AltText"] | null;
        };
        AnsweredCalls: {
            step: components["schemas"]["Step"];
            model: string;
            /** @description How many calls were answered: two where the first answer did not fit. */
            answered: number;
        };
        ApiKey: {
            /**
             * @description The id of an API key.
             * @example 3
             */
            keyId: number;
            name: string;
            /**
             * @description What the key begins with.
             * @example vpk_3JqX0aZk
             */
            prefix: string;
            scopes: components["schemas"]["Scope"][];
            /**
             * Format: date-time
             * @description ISO 8601, UTC.
             * @example 2026-11-23T12:00:00.000Z
             */
            createdAt: string;
            /** @description It is refused from then on; null: it does not expire. */
            expiresAt: string | null;
            /** @description When it was last seen in use, to ten minutes; null: never. */
            lastUsedAt: string | null;
            /** @description The key that made it; null if none did. */
            madeByKeyId: number | null;
        };
        ApiKeys: {
            keys: components["schemas"]["ApiKey"][];
        };
        Attempt: {
            attempt: number;
            /** @enum {string} */
            outcome: "running" | "completed" | "retried" | "failed" | "released" | "lost" | "cancelled";
            /** @description The step that the run had come to. */
            step: components["schemas"]["Step"];
            /**
             * Format: date-time
             * @description ISO 8601, UTC.
             * @example 2026-11-23T12:00:00.000Z
             */
            startedAt: string;
            endedAt: string | null;
            error: components["schemas"]["JobError"] | null;
            /** @description The step whose call was cut off, so that it may have been paid for without an answer. */
            possiblyBilled: components["schemas"]["Step"] | null;
            /** @description How many calls were cut off: where the worker died, as many as can have been out. */
            possiblyBilledCalls: number;
            /** @description How long the job was pending before this run. */
            waitingMs: number;
            /** @description How long bringing the image took. */
            imageMs: number;
            usage: {
                analysis: components["schemas"]["StepUsage"] | null;
                content: components["schemas"]["StepUsage"] | null;
            };
        };
        Attempts: {
            attempts: components["schemas"]["Attempt"][];
        };
        Batch: {
            /**
             * @description The id of a batch.
             * @example 5
             */
            batchId: number;
            name: string | null;
            onInvalid: components["schemas"]["OnInvalid"];
            defaults: {
                [key: string]: unknown;
            };
            /** @description All jobs that it has. */
            jobs: number;
            /** @description It has jobs, and every one of them has ended. */
            ended: boolean;
            byStatus: components["schemas"]["BatchStatuses"];
            /**
             * @description How many jobs have failed, by the code of their error.
             * @example {
             *       "image.not_found": 1
             *     }
             */
            byCode: {
                [key: string]: number;
            };
            /** @description What its runs have cost so far, as far as prices are known; null if there were calls and none has a known price. */
            costUsd: number | null;
            /** @description Calls that were answered. */
            calls: number;
            /** @description Calls whose price is not known. */
            unpricedCalls: number;
            /** @description Calls that were cut off, so that they may have been paid for. */
            possiblyBilled: number;
            /** @description When the jobs that have not ended will have, at the pace of those that have and as many at once as now; null while nothing runs or nothing has ended. */
            estimatedEndAt: string | null;
            /** @description Streams what happens to its jobs, as server-sent events. It holds a ticket for this batch alone, so an EventSource can open it as it is; each answer has a fresh one, valid for as long as a job may take. Null where nothing is streamed. */
            eventsUrl: string | null;
            /**
             * Format: date-time
             * @description ISO 8601, UTC.
             * @example 2026-11-23T12:00:00.000Z
             */
            createdAt: string;
            /**
             * Format: date-time
             * @description From then on it takes no more jobs.
             * @example 2026-11-23T12:00:00.000Z
             */
            closesAt: string;
            cancelledAt: string | null;
        };
        BatchChange: {
            /**
             * @description The id of a batch.
             * @example 5
             */
            batchId: number;
            /** @description How many jobs this call has changed. */
            jobs: number;
            /** @description Not all of it is done: call again. */
            more: boolean;
        };
        /** @description Every job of a batch has ended. */
        BatchCompletedPayload: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "batch.completed";
            /**
             * @description Of this form: another one is another number.
             * @constant
             */
            payloadVersion: 1;
            /**
             * Format: date-time
             * @description When it happened; the same with every attempt.
             * @example 2026-11-23T12:00:00.000Z
             */
            timestamp: string;
            data: {
                /**
                 * @description The id of a batch.
                 * @example 5
                 */
                batchId: number;
                /** @description How often the batch has ended: it can be retried, or get more jobs. */
                version: number;
                /** @description What has become of its jobs. */
                jobs: {
                    completed: number;
                    failed: number;
                    cancelled: number;
                };
            };
        };
        /** @description What a job of the batch is made with where it says nothing itself. */
        BatchDefaults: {
            /**
             * @description What the analysis is for.
             * @example Improve the hero image of our shop
             */
            analysisPurpose?: string;
            /** @description What to write, for one text. May be left out where the brand has one by default. */
            outputFormat?: components["schemas"]["OutputFormat"];
            /** @description The texts to write, all from one analysis: up to 24 with their variants. Instead of `outputFormat`, `language` and `platform`. */
            outputs?: components["schemas"]["WantedText"][];
            /**
             * @description The language of the text, a BCP 47 tag: `en` if left out, or what the brand has by default.
             * @example en
             * @example de-CH
             */
            language?: string;
            /** @description The network that the post is for, with `social_post` only. The brand’s first by default if left out; null, and without one, a post for any. */
            platform?: components["schemas"]["Platform"] | null;
            /**
             * @description The brand that the text is written for: what it says now is kept with the job. No brand, no voice.
             * @example 7
             */
            brandId?: number;
            /** @description What is known beside the image, by name, up to 4,096 bytes of JSON: the writer uses it, and the text is checked against it. */
            facts?: {
                [key: string]: string | number | boolean | string[];
            } | null;
            metadata?: {
                [key: string]: unknown;
            } | null;
        };
        BatchDeletedEvent: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "batch_deleted";
            /**
             * @description The id of a batch.
             * @example 5
             */
            batchId: number;
        };
        /** @description The state of a batch, once one or more of its jobs have ended. */
        BatchEvent: {
            /**
             * @description The id of a batch.
             * @example 5
             */
            batchId: number;
            /** @description All jobs that it has. */
            jobs: number;
            /** @description It has jobs, and every one of them has ended. */
            ended: boolean;
            byStatus: components["schemas"]["BatchStatuses"];
            /**
             * @description How many jobs have failed, by the code of their error.
             * @example {
             *       "image.not_found": 1
             *     }
             */
            byCode: {
                [key: string]: number;
            };
            /** @description What its runs have cost so far, as far as prices are known; null if there were calls and none has a known price. */
            costUsd: number | null;
            /** @description Calls that were answered. */
            calls: number;
            /** @description Calls whose price is not known. */
            unpricedCalls: number;
            /** @description Calls that were cut off, so that they may have been paid for. */
            possiblyBilled: number;
            /** @description When the jobs that have not ended will have, at the pace of those that have and as many at once as now; null while nothing runs or nothing has ended. */
            estimatedEndAt: string | null;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "batch";
        };
        BatchPage: {
            batches: components["schemas"]["Batch"][];
            /** @description Asks for the next page; null on the last. */
            nextCursor: string | null;
        };
        /** @description How many jobs are in which status. */
        BatchStatuses: {
            scheduled: number;
            blocked: number;
            pending: number;
            processing: number;
            completed: number;
            failed: number;
            cancelled: number;
        };
        Brand: {
            /**
             * @description The id of a brand.
             * @example 7
             */
            brandId: number;
            name: string;
            /**
             * @description The current version.
             * @example 3
             */
            version: number;
            /**
             * Format: date-time
             * @description ISO 8601, UTC.
             * @example 2026-11-23T12:00:00.000Z
             */
            createdAt: string;
            /**
             * Format: date-time
             * @description When it last said something else, or was archived.
             * @example 2026-11-23T12:00:00.000Z
             */
            updatedAt: string;
            /** @description No job can be made with it from then on; null until then. */
            archivedAt: string | null;
            /** @description What it says now. */
            profile: components["schemas"]["BrandProfile"];
        };
        BrandAnalysis: {
            /** @description What the image shows, in one or two sentences */
            subject: string;
            composition: {
                /** @description How the parts are arranged */
                layout: string;
                /** @description Where the eye goes first */
                focalPoint: string;
                /** @enum {string} */
                orientation: "landscape" | "portrait" | "square";
            };
            /** @description The dominant colours, largest share first */
            palette: {
                /** @description The colour as #rrggbb, lower case */
                hex: string;
                /** @description A common name of the colour */
                name: string;
                /** @description The part of the image area, 0 to 1 */
                share: number;
            }[];
            typography: {
                /** @description The lettering seen, or that there is none */
                style: string;
                /** @description Each text legible in the image, as written, in its own language and script; empty if there is none */
                textSeen: string[];
            };
            /** @description The moods it conveys, a word or two each */
            mood: string[];
            /** @description Its styles, a few words each: photograph, flat illustration, … */
            style: string[];
            /** @description Whom the image speaks to */
            audience: string;
            /** @description Logos, products, recurring motifs, claims; empty if there are none */
            brandSignals: string[];
            /** @description What would serve the stated purpose better */
            suggestions: string[];
            /** @description Whether the model estimated the palette; where not, it was measured from the pixels */
            paletteEstimated: boolean;
            /** @description The contrast of the first five colours of the palette with each other, computed by WCAG 2.2 */
            contrast: {
                colours: string[];
                /** @description 1 to 21 */
                ratio: number;
                /**
                 * @description What text in the one on the other may be
                 * @enum {string}
                 */
                text: "any" | "large" | "none";
            }[];
        };
        BrandGuidelines: {
            /** @description What the guidelines come to, and that they were observed in this image */
            summary: string;
            /** @description What to do, as this image does it */
            dos: string[];
            /** @description What would break with what this image does */
            donts: string[];
            /** @description The colours observed in this image, from its palette, each with the role that it plays there */
            colours: {
                /** @description #rrggbb, lower case */
                hex: string;
                /** @description A common name of the colour */
                name: string;
                /** @enum {string} */
                role: "primary" | "secondary" | "accent" | "background" | "text";
            }[];
            /** @description The lettering observed in this image and how to go on with it */
            typography: string;
            tone: {
                /** @description How texts should sound to fit this image */
                voice: string;
                /** @description Words that fit */
                words: string[];
            };
        };
        BrandGuidelinesContent: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            outputFormat: "brand_guidelines";
            /** @description The model that made it. */
            model: string;
            /**
             * @description The instructions that it was made by, with their version.
             * @example summary@3
             */
            prompt: string | null;
            /**
             * Format: date-time
             * @description ISO 8601, UTC.
             * @example 2026-11-23T12:00:00.000Z
             */
            createdAt: string;
            result: components["schemas"]["BrandGuidelines"];
            findings: components["schemas"]["Finding"][];
        };
        BrandGuidelinesText: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            outputFormat: "brand_guidelines";
            /**
             * @description The number of a text within its job.
             * @example 1
             */
            textId: number;
            language: string;
            platform: components["schemas"]["Platform"] | null;
            brandId: number | null;
            brandVersion: number | null;
            /** @description 1, 2, … among those that are wanted alike. */
            variant: number;
            /**
             * @description waiting: is to be made, or made anew · completed: it is there · failed: for good, until the job is retried · cancelled: with its job
             * @enum {string}
             */
            status: "waiting" | "completed" | "failed" | "cancelled";
            /** @description The current one, which `result` is; 0 while there is none. */
            revision: number;
            /** @description Whether its owner has approved this revision. */
            approved: boolean;
            /** @description Why it is not there, or why the last call for it failed. */
            error: {
                code: components["schemas"]["ErrorCode"];
                message: string;
            } | null;
            model: string | null;
            /**
             * @description The instructions that it was made by, with their version.
             * @example summary@3
             */
            prompt: string | null;
            /** @description The author of the result. */
            author: ("model" | "user") | null;
            /** @description When this revision came. */
            createdAt: string | null;
            findings: components["schemas"]["Finding"][];
            result: components["schemas"]["BrandGuidelines"] | null;
        };
        BrandPage: {
            brands: components["schemas"]["BrandSummary"][];
            /** @description Asks for the next page; null on the last. */
            nextCursor: string | null;
        };
        /** @description What a brand says of itself, up to 8192 bytes of JSON. */
        BrandProfile: {
            /** @description What the brand is called. */
            name: string;
            /**
             * @description How its texts sound.
             * @example Calm and plain, with a dry humour
             */
            voice?: string;
            /** @description Whom its texts speak to. */
            audience?: string;
            /**
             * @description How readers are addressed: informal as friends (du, tu), formal as customers (Sie, vous).
             * @enum {string}
             */
            formality?: "informal" | "neutral" | "formal";
            /**
             * @description What its texts do.
             * @example [
             *       "Name the workshop"
             *     ]
             */
            do?: string[];
            /**
             * @description What its texts never do.
             * @example [
             *       "Exclamation marks"
             *     ]
             */
            dont?: string[];
            /** @description Words to use where they fit. */
            preferredWords?: string[];
            /**
             * @description Words and phrases never to use, in whatever case. A `*` at the end stands for any ending: `cheap*` is cheaper and cheaply too.
             * @example [
             *       "cheap*",
             *       "best in class"
             *     ]
             */
            bannedWords?: string[];
            /**
             * @description What is true of the brand, by name, up to 4096 bytes of JSON.
             * @example {
             *       "founded": 1987,
             *       "returns": "30 days"
             *     }
             */
            facts?: {
                [key: string]: string | number | boolean | string[];
            };
            /**
             * @description The colours of the brand.
             * @example [
             *       {
             *         "hex": "#14213d",
             *         "name": "navy"
             *       }
             *     ]
             */
            palette?: {
                /** @description #rrggbb */
                hex: string;
                name?: string;
            }[];
            /** @description What a job of the brand is made with where it does not say: the first of each list. */
            defaults?: {
                outputFormats?: ("detailed_analysis" | "summary" | "social_post" | "product_description" | "alt_text" | "brand_guidelines")[];
                languages?: string[];
                platforms?: ("instagram" | "facebook" | "linkedin" | "x" | "pinterest" | "tiktok" | "threads" | "bluesky")[];
            };
        };
        BrandSummary: {
            /**
             * @description The id of a brand.
             * @example 7
             */
            brandId: number;
            name: string;
            /**
             * @description The current version.
             * @example 3
             */
            version: number;
            /**
             * Format: date-time
             * @description ISO 8601, UTC.
             * @example 2026-11-23T12:00:00.000Z
             */
            createdAt: string;
            /**
             * Format: date-time
             * @description When it last said something else, or was archived.
             * @example 2026-11-23T12:00:00.000Z
             */
            updatedAt: string;
            /** @description No job can be made with it from then on; null until then. */
            archivedAt: string | null;
        };
        /** @description What a brand said from then on. It never changes. */
        BrandVersion: {
            /**
             * @description The id of a brand.
             * @example 7
             */
            brandId: number;
            /**
             * @description Counts what the brand has said: 1 at first.
             * @example 3
             */
            version: number;
            /**
             * Format: date-time
             * @description When the brand began to say it.
             * @example 2026-11-23T12:00:00.000Z
             */
            createdAt: string;
            /** @description What the brand said. */
            profile: components["schemas"]["BrandProfile"];
        };
        BrandVersionPage: {
            versions: components["schemas"]["BrandVersionSummary"][];
            /** @description Asks for the next page; null on the last. */
            nextCursor: string | null;
        };
        BrandVersionSummary: {
            /**
             * @description Counts what the brand has said: 1 at first.
             * @example 3
             */
            version: number;
            /**
             * Format: date-time
             * @description When the brand began to say it.
             * @example 2026-11-23T12:00:00.000Z
             */
            createdAt: string;
        };
        Cancel: {
            /** @description Which jobs that have not ended: all that is named must match. */
            filter: {
                /** @description The code of the last error, or the first part of several: `analysis.` */
                code?: string;
                /** @description Only the jobs of this user. */
                user?: string;
                /**
                 * @description Only the jobs of this batch.
                 * @example 5
                 */
                batch?: number;
            };
            /** @description Counts and changes nothing, unless this is false. `true` if left out. */
            dryRun?: boolean;
            /** @description The most jobs in one call. `1000` if left out. */
            limit?: number;
        };
        CancelResult: {
            dryRun: boolean;
            /** @description How many were cancelled, or would be. */
            jobs: number;
            /** @description The ids of some of them. */
            sample: number[];
            /** @description There may be more: the limit or the time of one call was reached. */
            more: boolean;
        };
        ChangeMatching: {
            filter: components["schemas"]["JobFilter"];
            /** @description Counts up to 10,000 jobs and changes nothing, unless this is false. `true` if left out. */
            dryRun?: boolean;
            /** @description The most jobs that the call looks at, whatever becomes of them; not of a dry run. `500` if left out. */
            limit?: number;
            /** @description The `nextCursor` of the call before: it goes on there, with the same filter. */
            cursor?: string | null;
        };
        Claiming: {
            /** @description Claiming as a whole, whatever the provider. */
            claims: {
                /** @description Set while an operator has paused it; null otherwise. */
                pausedByOperator: {
                    /** @description A user, or `cli:` and the account that ran the command. */
                    by: string;
                    /**
                     * Format: date-time
                     * @description ISO 8601, UTC.
                     * @example 2026-11-23T12:00:00.000Z
                     */
                    at: string;
                    reason: string | null;
                } | null;
            };
            providers: components["schemas"]["ProviderState"][];
        };
        /** @description What the second step wrote; `outputFormat` says which fields `result` has. */
        Content: components["schemas"]["DetailedAnalysisContent"] | components["schemas"]["SummaryContent"] | components["schemas"]["SocialPostContent"] | components["schemas"]["ProductDescriptionContent"] | components["schemas"]["AltTextContent"] | components["schemas"]["BrandGuidelinesContent"];
        CreateBatch: {
            /**
             * @description For people, up to 100 characters.
             * @example Spring catalogue
             */
            name?: string;
            defaults?: components["schemas"]["BatchDefaults"];
            /** @description `refuse` if left out. */
            onInvalid?: components["schemas"]["OnInvalid"];
            /** @description The same key with the same request is carried out once, however often it is sent. 1 to 200 characters of printable ASCII, no space at either end. The header `Idempotency-Key` may say it instead. */
            idempotencyKey?: string;
        };
        CreateBrand: {
            profile: components["schemas"]["BrandProfile"];
        };
        CreateEventsTicket: {
            /**
             * @description Only for the jobs of this batch.
             * @example 5
             */
            batchId?: number;
        };
        CreateJob: {
            /**
             * @description Where the image is: an https URL of up to 8,192 characters once it is percent-encoded, the `imageUrl` of an upload, or the image itself as a base64 data: URL. A data: URL may hold 4 MB, as far as the body with all its jobs stays within 5.5 MiB; by the other ways an image may have 20 MB. PNG, JPEG, WebP, HEIC or HEIF.
             * @example https://example.com/poster.jpg
             */
            imageUrl: string;
            /**
             * @description What the analysis is for.
             * @example Improve the hero image of our shop
             */
            analysisPurpose: string;
            /** @description What to write, for one text. May be left out where the brand has one by default. */
            outputFormat?: components["schemas"]["OutputFormat"];
            /** @description The texts to write, all from one analysis: up to 24 with their variants. Instead of `outputFormat`, `language` and `platform`. */
            outputs?: components["schemas"]["WantedText"][];
            /**
             * @description The language of the text, a BCP 47 tag: `en` if left out, or what the brand has by default.
             * @example en
             * @example de-CH
             */
            language?: string;
            /** @description The network that the post is for, with `social_post` only. The brand’s first by default if left out; null, and without one, a post for any. */
            platform?: components["schemas"]["Platform"] | null;
            /**
             * @description The brand that the text is written for: what it says now is kept with the job. No brand, no voice.
             * @example 7
             */
            brandId?: number;
            /** @description What is known beside the image, by name, up to 4,096 bytes of JSON: the writer uses it, and the text is checked against it. */
            facts?: {
                [key: string]: string | number | boolean | string[];
            } | null;
            metadata?: {
                [key: string]: unknown;
            } | null;
            /** @description The same key with the same request is carried out once, however often it is sent. 1 to 200 characters of printable ASCII, no space at either end. Of a job that is not in a batch, the header `Idempotency-Key` may say it instead. */
            idempotencyKey?: string;
        };
        CreateJobs: {
            jobs: components["schemas"]["CreateJob"][];
            /** @description The same key with the same request is carried out once, however often it is sent. 1 to 200 characters of printable ASCII, no space at either end. It stands for the batch as a whole, in which no job may then have its own. The header `Idempotency-Key` may say it instead. */
            idempotencyKey?: string;
        };
        CreateKey: {
            /** @description For people, up to 100 characters. */
            name: string;
            /** @description What the key is good for; `read` and `write` if left out. Never more than the caller’s own. */
            scopes?: components["schemas"]["Scope"][];
            /** @description The days until it expires; if left out it is valid until it is revoked. */
            expiresInDays?: number;
        };
        CreateUpload: {
            /**
             * @description What the file is; nothing else will be taken. image/jpg is image/jpeg.
             * @enum {string}
             */
            contentType: "image/png" | "image/jpeg" | "image/webp" | "image/heic" | "image/heif" | "image/jpg";
            /** @description How large the file is; nothing larger will be taken. */
            bytes: number;
            /** @description SHA-256 of the file. The same file then always has the same `imageUrl`, and need not be sent again where it is `present`. */
            sha256?: string;
        };
        CreateWebhook: {
            /**
             * @description Where events are posted: https, at a public address, port 443 or one from 1024 up.
             * @example https://shop.example/hooks/vision
             */
            url: string;
            /** @description The events that it receives; all if left out. */
            events?: components["schemas"]["WebhookEvent"][];
            /** @description For people, up to 200 characters. */
            description?: string;
        };
        /**
         * @description pending: is to be sent, or sent again · delivered: was answered with 200 to 299 · failed: was given up
         * @enum {string}
         */
        DeliveryStatus: "pending" | "delivered" | "failed";
        DetailedAnalysis: {
            /** @description What the analysis comes to, as a title */
            title: string;
            /** @description The image and the verdict on it, in one paragraph */
            overview: string;
            /** @description Composition, colour, lettering, audience and the like, as the image demands */
            sections: {
                /** @description What the section is about */
                heading: string;
                /** @description What is seen, and what it does for the purpose */
                body: string;
            }[];
            /** @description What works, and by what it shows */
            strengths: string[];
            /** @description What does not work for the purpose, and by what it shows */
            weaknesses: string[];
            /** @description What to do about it, the most useful first */
            recommendations: string[];
        };
        DetailedAnalysisContent: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            outputFormat: "detailed_analysis";
            /** @description The model that made it. */
            model: string;
            /**
             * @description The instructions that it was made by, with their version.
             * @example summary@3
             */
            prompt: string | null;
            /**
             * Format: date-time
             * @description ISO 8601, UTC.
             * @example 2026-11-23T12:00:00.000Z
             */
            createdAt: string;
            result: components["schemas"]["DetailedAnalysis"];
            findings: components["schemas"]["Finding"][];
        };
        DetailedAnalysisText: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            outputFormat: "detailed_analysis";
            /**
             * @description The number of a text within its job.
             * @example 1
             */
            textId: number;
            language: string;
            platform: components["schemas"]["Platform"] | null;
            brandId: number | null;
            brandVersion: number | null;
            /** @description 1, 2, … among those that are wanted alike. */
            variant: number;
            /**
             * @description waiting: is to be made, or made anew · completed: it is there · failed: for good, until the job is retried · cancelled: with its job
             * @enum {string}
             */
            status: "waiting" | "completed" | "failed" | "cancelled";
            /** @description The current one, which `result` is; 0 while there is none. */
            revision: number;
            /** @description Whether its owner has approved this revision. */
            approved: boolean;
            /** @description Why it is not there, or why the last call for it failed. */
            error: {
                code: components["schemas"]["ErrorCode"];
                message: string;
            } | null;
            model: string | null;
            /**
             * @description The instructions that it was made by, with their version.
             * @example summary@3
             */
            prompt: string | null;
            /** @description The author of the result. */
            author: ("model" | "user") | null;
            /** @description When this revision came. */
            createdAt: string | null;
            findings: components["schemas"]["Finding"][];
            result: components["schemas"]["DetailedAnalysis"] | null;
        };
        EditText: {
            /** @description The whole text, with the fields of its format: it becomes the next revision. */
            content?: {
                [key: string]: unknown;
            };
            /** @description Whether this revision is good to be used. */
            approved?: boolean;
            /** @description The revision that the caller has read, for callers without headers: instead of `If-Match`. */
            revision?: number;
        };
        Erase: {
            /** @description Counts and changes nothing, unless this is false. `true` if left out. */
            dryRun?: boolean;
        };
        EraseResult: {
            dryRun: boolean;
            /** @description Stands for the user in the usage and the audit log, and is random; null in a dry run. */
            pseudonym: string | null;
            /** @description The rows of the user before the call, by table; 1000 stands for that many or more. */
            rows: {
                [key: string]: number;
            };
            /** @description Objects of the bucket that were deleted beside the images of jobs. */
            objects: number;
            /** @description Runs that were cut off, and whose workers may report for 5 minutes what they took. */
            runs: number;
            /** @description Something is left: call again, where `runs` is not 0 after 5 minutes. */
            more: boolean;
        };
        /**
         * @description Stable: docs/errors.md says what follows from each.
         * @enum {string}
         */
        ErrorCode: "request.invalid" | "request.unauthenticated" | "request.forbidden" | "request.not_found" | "request.method_not_allowed" | "request.too_large" | "request.unsupported_type" | "request.precondition_failed" | "request.precondition_required" | "auth.unavailable" | "job.not_found" | "job.not_cancellable" | "job.not_retryable" | "idempotency.mismatch" | "brand.not_found" | "brand.too_many" | "brand.too_many_versions" | "key.not_found" | "key.too_many" | "webhook.not_found" | "webhook.too_many" | "webhook.invalid_url" | "webhook.too_many_secrets" | "webhook.disabled" | "webhook.delivery_not_found" | "text.not_found" | "text.not_ready" | "text.too_many" | "text.too_many_revisions" | "batch.not_found" | "batch.closed" | "batch.full" | "batch.too_many" | "limit.jobs_per_day" | "limit.jobs_waiting" | "limit.spend_per_day" | "limit.uploads_per_day" | "limit.upload_bytes_per_day" | "limit.estimates_per_minute" | "limit.webhook_requests_per_minute" | "upload.not_found" | "database.unavailable" | "job.expired" | "worker.lost" | "internal.error" | "image.invalid_url" | "image.forbidden_address" | "image.unknown_host" | "image.not_found" | "image.upload_missing" | "image.refused" | "image.too_large" | "image.unsupported_type" | "image.malformed" | "image.truncated" | "image.too_many_pixels" | "image.unsupported_encoding" | "image.invalid_response" | "image.untrusted_server" | "image.too_many_redirects" | "image.unreachable" | "image.timed_out" | "storage.unavailable" | "analysis.blocked" | "analysis.rejected" | "analysis.refused" | "analysis.misfit" | "analysis.invalid_answer" | "analysis.blank_answer" | "analysis.cut_off" | "analysis.recited" | "analysis.timed_out" | "analysis.unavailable" | "analysis.overloaded" | "analysis.rate_limited" | "analysis.quota_exhausted" | "analysis.insufficient_balance" | "analysis.misconfigured" | "content.blocked" | "content.rejected" | "content.refused" | "content.misfit" | "content.invalid_answer" | "content.blank_answer" | "content.cut_off" | "content.recited" | "content.timed_out" | "content.unavailable" | "content.overloaded" | "content.rate_limited" | "content.quota_exhausted" | "content.insufficient_balance" | "content.misconfigured";
        Estimate: {
            /** @description How many of the jobs can be made. */
            jobs: number;
            /** @description How many texts those are to have, with their variants. */
            texts: number;
            /** @description The calls of each step. */
            calls: components["schemas"]["EstimatedCalls"][];
            /**
             * @description What all calls are about to cost; null where that of some is not known.
             * @example 0.001313
             */
            costUsd: number | null;
            /** @description How long it will be until the last has ended: with what the caller has waiting, as many jobs at once as the caller may have in flight and the workers that run now leave to each user, and the nights that the money of a day makes it wait for. Null while claiming or a provider is paused or down, or no job has ever completed. */
            seconds: number | null;
            /** @description The jobs whose medians these are: the caller’s own last 50 completed ones, or those of all users if the caller has fewer than five. Null if there are none. */
            basis: ("own" | "all") | null;
            /** @description How many jobs of the caller wait already. */
            waitingJobs: number;
            /** @description The limits that the creation of all of them at once would pass; `limit.spend_per_day` only makes them wait. */
            exceeds: components["schemas"]["ErrorCode"][];
            /** @description Those that cannot be made, and why: fields, images, and brands. */
            rejected: components["schemas"]["RejectedJob"][];
        };
        EstimateJobs: {
            /** @description Jobs as `CreateJob` has them, up to 1,000; what `defaults` or the batch says may be left out. */
            jobs: {
                [key: string]: unknown;
            }[];
            /** @description What each job has where it says nothing itself. */
            defaults?: components["schemas"]["BatchDefaults"];
            /**
             * @description The batch that they are for: its defaults hold. Instead of `defaults`.
             * @example 5
             */
            batchId?: number;
        };
        EstimatedCalls: {
            step: components["schemas"]["Step"];
            /** @description The provider of the model; null if that is not known. */
            provider: string | null;
            /** @description The model that answered last; null where none has answered yet. */
            model: string | null;
            /** @description How many calls there will be, if none goes wrong. */
            calls: number;
            /**
             * @description What they are about to cost together; null where the price is not known, or no call has been made yet.
             * @example 0.001313
             */
            costUsd: number | null;
            /** @description How long one of them takes; null where none has been made yet. */
            milliseconds: number | null;
        };
        EventsTicket: {
            /** @description Opens the stream, by the ticket in it and with nothing else. Null where nothing is streamed. */
            eventsUrl: string | null;
            /**
             * Format: date-time
             * @description From then on it opens no stream.
             * @example 2026-11-23T12:00:00.000Z
             */
            expiresAt: string;
        };
        FailedJobs: {
            /**
             * Format: date
             * @description The day on which the jobs failed, UTC.
             */
            day: string;
            /** @description The error that they failed with. */
            code: string;
            /** @description The step that they had come to. */
            step: components["schemas"]["Step"];
            jobs: number;
        };
        Failure: {
            code: string;
            /** @description The step that the jobs had come to. */
            step: components["schemas"]["Step"];
            /** @description Failures: a job that was redriven and failed again counts twice. */
            jobs: number;
            /** @description Of how many users. */
            users: number;
            /** @description There may be more jobs and users: 2,000 users’ days are read. */
            atLeast: boolean;
            /**
             * Format: date-time
             * @description ISO 8601, UTC.
             * @example 2026-11-23T12:00:00.000Z
             */
            firstAt: string;
            /**
             * Format: date-time
             * @description ISO 8601, UTC.
             * @example 2026-11-23T12:00:00.000Z
             */
            lastAt: string;
            /**
             * @description One that failed so of late; it may have been deleted since.
             * @example 1
             */
            sampleJobId: number;
        };
        /** @description What jobs failed of, what failed last first. */
        Failures: {
            days: number;
            failures: components["schemas"]["Failure"][];
        };
        /** @description A point in a text, found by code, to be reviewed before the text is used. */
        Finding: {
            /**
             * @description Stable: docs/brands.md says what each is.
             * @enum {string}
             */
            code: "banned_word" | "number_invented" | "fact_missing" | "length_missed" | "palette_distant";
            /**
             * @description info: worth a look, and often right as it is · warning: look at it before the text is used
             * @enum {string}
             */
            severity: "info" | "warning";
            /** @description For people. */
            message: string;
            /**
             * @description Where in `result`, as a JSON pointer; null where it is about all of it or about the image.
             * @example /caption
             */
            field: string | null;
            /** @description The word, the number, the name of the fact or the colour; of a length, how many there are. */
            about: string;
        };
        Health: {
            /** @enum {string} */
            status: "ok" | "unavailable";
        };
        /** @description The copy of the image that every run of the job reads. */
        Image: {
            /**
             * Format: uri
             * @description Shows the image, until `expiresAt`; read the job again for a fresh link.
             */
            url: string;
            /**
             * Format: date-time
             * @description ISO 8601, UTC.
             * @example 2026-11-23T12:00:00.000Z
             */
            expiresAt: string;
            /** @description Its media type, by its content. */
            type: string;
            bytes: number;
            /** @description In pixels, as stored in the file; exchange the two to show it if `orientation` is above 4. */
            width: number;
            height: number;
            /** @description How the file asks to be turned when it is shown, as Exif numbers it: 1 as stored, 3 by half a turn, 6 by a quarter turn clockwise, 8 by one anticlockwise; 2, 4, 5 and 7 are mirrored. Browsers do so by themselves, and the analysis goes by the image as shown. Null for images that were taken in before it was read. */
            orientation: number | null;
            /** @description Of its bytes, in hex. */
            sha256: string;
        };
        ImportBatchCsv: {
            /** @description A line of column names, and a line for each job: `imageUrl`, `sku`, the fields of a job, and any others, which are facts. Separated by commas, semicolons or tabs. Over REST it may be the body itself, as text/csv. */
            csv: string;
            /** @description The same key with the same request is carried out once, however often it is sent. 1 to 200 characters of printable ASCII, no space at either end. If left out, the same CSV makes the same jobs of this batch all the same. The header `Idempotency-Key` may say it instead. */
            idempotencyKey?: string;
        };
        ImportedCsv: {
            /** @description How many there are. */
            rows: number;
            /** @description How many of them are jobs now. */
            jobs: number;
            /** @description How many of those were there before. */
            replayed: number;
            /** @description How many cannot be jobs, of a batch that skips those. */
            rejectedRows: number;
            /** @description What is wrong with the first 1,000 of them. */
            rejected: components["schemas"]["RejectedRow"][];
            /** @description There was no time for all of them: send the same again. */
            more: boolean;
        };
        Job: {
            /**
             * @description The id of a job.
             * @example 1
             */
            jobId: number;
            status: components["schemas"]["Status"];
            /** @description The step that runs or is next; null once the job has ended. */
            step: components["schemas"]["Step"] | null;
            /** @description In per cent. */
            progress: number;
            /** @description How many runs there have been; it only ever grows. */
            attempt: number;
            /** @description Runs that failed since creation or the last retry by hand. */
            failures: number;
            /** @description Runs whose worker died since creation or the last retry by hand. */
            crashes: number;
            /** @description How often a failed run is tried again. */
            maxRetries: number;
            /** @description When a scheduled job is due; null in every other status. */
            nextTryAt: string | null;
            /** @description What a blocked job waits for: fewer jobs of its owner in flight, or the next day (UTC), its owner having spent what a day may cost; null in every other status. */
            blockedBy: ("jobs_in_flight" | "spend_per_day") | null;
            error: components["schemas"]["JobError"] | null;
            /** @description The URL as given; of a data: URL only its type and hash. */
            imageUrl: string;
            /** @description Null until the first run has brought it. */
            image: components["schemas"]["Image"] | null;
            /** @description A link to show the image by; the same as `image.url`. */
            thumbnailUrl: string | null;
            /** @description As given. */
            analysisPurpose: string;
            /** @description How many texts were asked for, and how many are there. */
            texts: {
                wanted: number;
                completed: number;
            };
            /** @description Of the first text, as are language, platform and brand. */
            outputFormat: components["schemas"]["OutputFormat"];
            /** @description Of the first text, a BCP 47 tag. */
            language: string;
            /** @description The network that a post is for; null if none was named. */
            platform: components["schemas"]["Platform"] | null;
            /** @description The facts that the writer was given. */
            facts: {
                [key: string]: string | number | boolean | string[];
            } | null;
            /** @description The brand that the text is written for; null for none. */
            brandId: number | null;
            /** @description The version of the brand that the job began with. */
            brandVersion: number | null;
            /** @description As given; null if none was. */
            metadata: {
                [key: string]: unknown;
            } | null;
            /** @description The batch that it belongs to; null for none. */
            batchId: number | null;
            /**
             * Format: date-time
             * @description When it was created.
             * @example 2026-11-23T12:00:00.000Z
             */
            createdAt: string;
            /**
             * Format: date-time
             * @description When it last changed.
             * @example 2026-11-23T12:00:00.000Z
             */
            updatedAt: string;
            /** @description When the first run began. */
            startedAt: string | null;
            /** @description When it ended; null until then. */
            finishedAt: string | null;
            /**
             * Format: date-time
             * @description If it has not ended by then, it fails.
             * @example 2026-11-23T12:00:00.000Z
             */
            expiresAt: string;
            /** @description How long it has waited and run, in milliseconds. */
            timings: {
                /** @description What of the total was no run: in the queue, and between runs. */
                waitingMs: number;
                /** @description All runs together. A run whose worker died counts until that was noticed. */
                runningMs: number;
                /** @description From creation to the end or now. */
                totalMs: number;
            };
            /** @description Grows with every change. */
            version: number;
            /** @description What all runs of the job have taken so far. */
            usage: components["schemas"]["Usage"];
            /** @description Streams what happens to the job, as server-sent events. It holds a ticket that is valid until `expiresAt` and for this job alone, so an EventSource can open it as it is. Null where nothing is streamed, and once the job’s time is over. */
            eventsUrl: string | null;
            /** @description What the steps made: `analysis`, null until it is there; `texts`, each that was asked for; and `content`, the first of them, null until it is there. */
            outputs: {
                analysis: {
                    /** @description The model that made it. */
                    model: string;
                    /**
                     * @description The instructions that it was made by, with their version.
                     * @example summary@3
                     */
                    prompt: string | null;
                    /**
                     * Format: date-time
                     * @description ISO 8601, UTC.
                     * @example 2026-11-23T12:00:00.000Z
                     */
                    createdAt: string;
                    result: components["schemas"]["BrandAnalysis"];
                } | null;
                /** @description The first text, once it is there. */
                content: components["schemas"]["Content"] | null;
                /** @description Every text that was asked for, by its number. */
                texts: components["schemas"]["Text"][];
            };
        };
        JobAnalysisEvent: {
            /**
             * @description The id of a job.
             * @example 1
             */
            jobId: number;
            /** @description Grows with every change. */
            version: number;
            status: components["schemas"]["Status"];
            /** @description The step that runs or is next; null once the job has ended. */
            step: components["schemas"]["Step"] | null;
            /** @description In per cent. */
            progress: number;
            /** @description How many runs there have been; it only ever grows. */
            attempt: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "analysis";
            analysis: {
                /** @description The model that made it. */
                model: string;
                /**
                 * @description The instructions that it was made by, with their version.
                 * @example summary@3
                 */
                prompt: string | null;
                /**
                 * Format: date-time
                 * @description ISO 8601, UTC.
                 * @example 2026-11-23T12:00:00.000Z
                 */
                createdAt: string;
                result: components["schemas"]["BrandAnalysis"];
            };
        };
        /** @description A job was cancelled by its owner. */
        JobCancelledPayload: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "job.cancelled";
            /**
             * @description Of this form: another one is another number.
             * @constant
             */
            payloadVersion: 1;
            /**
             * Format: date-time
             * @description When it happened; the same with every attempt.
             * @example 2026-11-23T12:00:00.000Z
             */
            timestamp: string;
            data: {
                /**
                 * @description The id of a job.
                 * @example 1
                 */
                jobId: number;
                batchId: number | null;
                /** @description Of the job: grows with every change. What has a lower one than something received before is out of date. */
                version: number;
                /** @constant */
                status: "cancelled";
                error: null;
            };
        };
        /** @description A job as it is now. */
        JobChangedEvent: {
            /**
             * @description The id of a job.
             * @example 1
             */
            jobId: number;
            /** @description The batch that it belongs to; null for none. */
            batchId: number | null;
            /** @description Grows with every change. */
            version: number;
            status: components["schemas"]["Status"];
            /** @description The step that runs or is next; null once the job has ended. */
            step: components["schemas"]["Step"] | null;
            /** @description In per cent. */
            progress: number;
            /** @description How many texts were asked for, and how many are there. */
            texts: {
                wanted: number;
                completed: number;
            };
            /** @description When a scheduled job is due; null in every other status. */
            nextTryAt: string | null;
            error: components["schemas"]["JobError"] | null;
            /**
             * Format: date-time
             * @description When it last changed.
             * @example 2026-11-23T12:00:00.000Z
             */
            updatedAt: string;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "job";
        };
        JobCompletedEvent: {
            /**
             * @description The id of a job.
             * @example 1
             */
            jobId: number;
            /** @description Grows with every change. */
            version: number;
            status: components["schemas"]["Status"];
            /** @description The step that runs or is next; null once the job has ended. */
            step: components["schemas"]["Step"] | null;
            /** @description In per cent. */
            progress: number;
            /** @description How many runs there have been; it only ever grows. */
            attempt: number;
            /** @description Runs that failed since creation or the last retry by hand. */
            failures: number;
            /** @description When a scheduled job is due; null in every other status. */
            nextTryAt: string | null;
            error: components["schemas"]["JobError"] | null;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "completed";
            content: components["schemas"]["Content"] | null;
        };
        /** @description The analysis and all texts of a job are there. */
        JobCompletedPayload: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "job.completed";
            /**
             * @description Of this form: another one is another number.
             * @constant
             */
            payloadVersion: 1;
            /**
             * Format: date-time
             * @description When it happened; the same with every attempt.
             * @example 2026-11-23T12:00:00.000Z
             */
            timestamp: string;
            data: {
                /**
                 * @description The id of a job.
                 * @example 1
                 */
                jobId: number;
                batchId: number | null;
                /** @description Of the job: grows with every change. What has a lower one than something received before is out of date. */
                version: number;
                /** @constant */
                status: "completed";
                error: null;
            };
        };
        JobDeletedEvent: {
            /**
             * @description The id of a job.
             * @example 1
             */
            jobId: number;
            /** @description Grows with every change. */
            version: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "deleted";
        };
        /** @description What went wrong last: a stable code, and a sentence for people. */
        JobError: {
            code: components["schemas"]["ErrorCode"];
            message: string;
        };
        /** @description One event for each version of a job; the version is its id. */
        JobEvent: components["schemas"]["JobStateEvent"] | components["schemas"]["JobFailedEvent"] | components["schemas"]["JobCompletedEvent"] | components["schemas"]["JobAnalysisEvent"] | components["schemas"]["JobTextEvent"] | components["schemas"]["JobDeletedEvent"];
        /** @description Which texts are missing and why; the others stay readable. */
        JobFailedEvent: {
            /**
             * @description The id of a job.
             * @example 1
             */
            jobId: number;
            /** @description Grows with every change. */
            version: number;
            status: components["schemas"]["Status"];
            /** @description The step that runs or is next; null once the job has ended. */
            step: components["schemas"]["Step"] | null;
            /** @description In per cent. */
            progress: number;
            /** @description How many runs there have been; it only ever grows. */
            attempt: number;
            /** @description Runs that failed since creation or the last retry by hand. */
            failures: number;
            /** @description When a scheduled job is due; null in every other status. */
            nextTryAt: string | null;
            error: components["schemas"]["JobError"] | null;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "failed";
            missing: components["schemas"]["MissingText"][];
        };
        /** @description A job was ended by an error. It may be retried. */
        JobFailedPayload: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "job.failed";
            /**
             * @description Of this form: another one is another number.
             * @constant
             */
            payloadVersion: 1;
            /**
             * Format: date-time
             * @description When it happened; the same with every attempt.
             * @example 2026-11-23T12:00:00.000Z
             */
            timestamp: string;
            data: {
                /**
                 * @description The id of a job.
                 * @example 1
                 */
                jobId: number;
                batchId: number | null;
                /** @description Of the job: grows with every change. What has a lower one than something received before is out of date. */
                version: number;
                /** @constant */
                status: "failed";
                error: {
                    code: components["schemas"]["ErrorCode"];
                    message: string;
                };
            };
        };
        /** @description Which jobs of the caller, as in the history: all that is named must fit. */
        JobFilter: {
            /** @description Only jobs in these statuses. */
            status?: components["schemas"]["Status"][];
            /** @description Only jobs with these output formats: those of their first texts. */
            outputFormat?: components["schemas"]["OutputFormat"][];
            /**
             * @description Only jobs of this batch.
             * @example 5
             */
            batchId?: number;
            /**
             * @description Only jobs whose last error has this code, or one that begins so: `analysis.`
             * @example analysis.timed_out
             */
            code?: string;
            /**
             * Format: date-time
             * @description Only jobs that were created then or later: ISO 8601, UTC.
             * @example 2026-11-23T12:00:00.000Z
             */
            createdFrom?: string;
            /**
             * Format: date-time
             * @description Only jobs that were created before: ISO 8601, UTC.
             * @example 2026-11-23T12:00:00.000Z
             */
            createdTo?: string;
            /**
             * @description Only jobs whose metadata have `metadataValue` under this name, at their top.
             * @example sku
             */
            metadataKey?: string;
            /**
             * @description A text, or a number or boolean as JSON writes it, exactly as it was given.
             * @example TR-7
             */
            metadataValue?: string;
            /** @description Only these jobs, up to 100. Those that are not there, or not the caller’s, are left out. */
            ids?: number[];
        };
        JobGoneEvent: {
            /**
             * @description The id of a job.
             * @example 1
             */
            jobId: number;
            /** @description The batch that it belongs to; null for none. */
            batchId: number | null;
            /** @description Grows with every change. */
            version: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "deleted";
        };
        JobPage: {
            jobs: components["schemas"]["ListedJob"][];
            /** @description Asks for the next page; null on the last. */
            nextCursor: string | null;
        };
        JobStateEvent: {
            /**
             * @description The id of a job.
             * @example 1
             */
            jobId: number;
            /** @description Grows with every change. */
            version: number;
            status: components["schemas"]["Status"];
            /** @description The step that runs or is next; null once the job has ended. */
            step: components["schemas"]["Step"] | null;
            /** @description In per cent. */
            progress: number;
            /** @description How many runs there have been; it only ever grows. */
            attempt: number;
            /** @description Runs that failed since creation or the last retry by hand. */
            failures: number;
            /** @description When a scheduled job is due; null in every other status. */
            nextTryAt: string | null;
            error: components["schemas"]["JobError"] | null;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "status" | "cancelled";
        };
        JobSummary: {
            /**
             * @description The id of a job.
             * @example 1
             */
            jobId: number;
            status: components["schemas"]["Status"];
            /** @description The step that runs or is next; null once the job has ended. */
            step: components["schemas"]["Step"] | null;
            /** @description In per cent. */
            progress: number;
            /** @description How many runs there have been; it only ever grows. */
            attempt: number;
            /** @description Runs that failed since creation or the last retry by hand. */
            failures: number;
            /** @description Runs whose worker died since creation or the last retry by hand. */
            crashes: number;
            /** @description How often a failed run is tried again. */
            maxRetries: number;
            /** @description When a scheduled job is due; null in every other status. */
            nextTryAt: string | null;
            /** @description What a blocked job waits for: fewer jobs of its owner in flight, or the next day (UTC), its owner having spent what a day may cost; null in every other status. */
            blockedBy: ("jobs_in_flight" | "spend_per_day") | null;
            error: components["schemas"]["JobError"] | null;
            /** @description The URL as given; of a data: URL only its type and hash. */
            imageUrl: string;
            /** @description Null until the first run has brought it. */
            image: components["schemas"]["Image"] | null;
            /** @description A link to show the image by; the same as `image.url`. */
            thumbnailUrl: string | null;
            /** @description As given. */
            analysisPurpose: string;
            /** @description How many texts were asked for, and how many are there. */
            texts: {
                wanted: number;
                completed: number;
            };
            /** @description Of the first text, as are language, platform and brand. */
            outputFormat: components["schemas"]["OutputFormat"];
            /** @description Of the first text, a BCP 47 tag. */
            language: string;
            /** @description The network that a post is for; null if none was named. */
            platform: components["schemas"]["Platform"] | null;
            /** @description The facts that the writer was given. */
            facts: {
                [key: string]: string | number | boolean | string[];
            } | null;
            /** @description The brand that the text is written for; null for none. */
            brandId: number | null;
            /** @description The version of the brand that the job began with. */
            brandVersion: number | null;
            /** @description As given; null if none was. */
            metadata: {
                [key: string]: unknown;
            } | null;
            /** @description The batch that it belongs to; null for none. */
            batchId: number | null;
            /**
             * Format: date-time
             * @description When it was created.
             * @example 2026-11-23T12:00:00.000Z
             */
            createdAt: string;
            /**
             * Format: date-time
             * @description When it last changed.
             * @example 2026-11-23T12:00:00.000Z
             */
            updatedAt: string;
            /** @description When the first run began. */
            startedAt: string | null;
            /** @description When it ended; null until then. */
            finishedAt: string | null;
            /**
             * Format: date-time
             * @description If it has not ended by then, it fails.
             * @example 2026-11-23T12:00:00.000Z
             */
            expiresAt: string;
            /** @description How long it has waited and run, in milliseconds. */
            timings: {
                /** @description What of the total was no run: in the queue, and between runs. */
                waitingMs: number;
                /** @description All runs together. A run whose worker died counts until that was noticed. */
                runningMs: number;
                /** @description From creation to the end or now. */
                totalMs: number;
            };
            /** @description Grows with every change. */
            version: number;
        };
        JobTextEvent: {
            /**
             * @description The id of a job.
             * @example 1
             */
            jobId: number;
            /** @description Grows with every change. */
            version: number;
            /** @description In per cent. */
            progress: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "text";
            text: components["schemas"]["Text"];
        };
        Jobs: {
            /** @description The batch that was made of those that are new; of a repetition that of the first call, null if there were several. */
            batchId: number | null;
            jobs: components["schemas"]["JobSummary"][];
        };
        /** @description The id of an event is a place in the order in which jobs change; several may have the same. */
        JobsEvent: components["schemas"]["JobChangedEvent"] | components["schemas"]["JobGoneEvent"] | components["schemas"]["BatchEvent"] | components["schemas"]["BatchDeletedEvent"];
        LimitLeft: {
            /** @description The code of the refusal once nothing is left. */
            code: components["schemas"]["ErrorCode"];
            /** @enum {string} */
            unit: "jobs" | "dollars";
            /** @description The caller’s own, or the setting. */
            limit: number;
            left: number;
            /** @description When all of it is left again: midnight, UTC; null where that depends on the jobs. */
            resetsAt: string | null;
        };
        LimitsOfUser: {
            user: string;
            jobsInFlight: components["schemas"]["UserLimit"];
            jobsWaiting: components["schemas"]["UserLimit"];
            jobsPerDay: components["schemas"]["UserLimit"];
            dollarsPerDay: components["schemas"]["UserLimit"];
            uploadsPerDay: components["schemas"]["UserLimit"];
            uploadMegabytesPerDay: components["schemas"]["UserLimit"];
            streams: components["schemas"]["UserLimit"];
            waits: components["schemas"]["UserLimit"];
        };
        ListedJob: {
            /**
             * @description The id of a job.
             * @example 1
             */
            jobId: number;
            status: components["schemas"]["Status"];
            /** @description The step that runs or is next; null once the job has ended. */
            step: components["schemas"]["Step"] | null;
            /** @description In per cent. */
            progress: number;
            /** @description How many runs there have been; it only ever grows. */
            attempt: number;
            /** @description Runs that failed since creation or the last retry by hand. */
            failures: number;
            /** @description Runs whose worker died since creation or the last retry by hand. */
            crashes: number;
            /** @description How often a failed run is tried again. */
            maxRetries: number;
            /** @description When a scheduled job is due; null in every other status. */
            nextTryAt: string | null;
            /** @description What a blocked job waits for: fewer jobs of its owner in flight, or the next day (UTC), its owner having spent what a day may cost; null in every other status. */
            blockedBy: ("jobs_in_flight" | "spend_per_day") | null;
            error: components["schemas"]["JobError"] | null;
            /** @description The URL as given; of a data: URL only its type and hash. */
            imageUrl: string;
            /** @description Null until the first run has brought it. */
            image: components["schemas"]["Image"] | null;
            /** @description A link to show the image by; the same as `image.url`. */
            thumbnailUrl: string | null;
            /** @description As given. */
            analysisPurpose: string;
            /** @description How many texts were asked for, and how many are there. */
            texts: {
                wanted: number;
                completed: number;
            };
            /** @description Of the first text, as are language, platform and brand. */
            outputFormat: components["schemas"]["OutputFormat"];
            /** @description Of the first text, a BCP 47 tag. */
            language: string;
            /** @description The network that a post is for; null if none was named. */
            platform: components["schemas"]["Platform"] | null;
            /** @description The facts that the writer was given. */
            facts: {
                [key: string]: string | number | boolean | string[];
            } | null;
            /** @description The brand that the text is written for; null for none. */
            brandId: number | null;
            /** @description The version of the brand that the job began with. */
            brandVersion: number | null;
            /** @description As given; null if none was. */
            metadata: {
                [key: string]: unknown;
            } | null;
            /** @description The batch that it belongs to; null for none. */
            batchId: number | null;
            /**
             * Format: date-time
             * @description When it was created.
             * @example 2026-11-23T12:00:00.000Z
             */
            createdAt: string;
            /**
             * Format: date-time
             * @description When it last changed.
             * @example 2026-11-23T12:00:00.000Z
             */
            updatedAt: string;
            /** @description When the first run began. */
            startedAt: string | null;
            /** @description When it ended; null until then. */
            finishedAt: string | null;
            /**
             * Format: date-time
             * @description If it has not ended by then, it fails.
             * @example 2026-11-23T12:00:00.000Z
             */
            expiresAt: string;
            /** @description How long it has waited and run, in milliseconds. */
            timings: {
                /** @description What of the total was no run: in the queue, and between runs. */
                waitingMs: number;
                /** @description All runs together. A run whose worker died counts until that was noticed. */
                runningMs: number;
                /** @description From creation to the end or now. */
                totalMs: number;
            };
            /** @description Grows with every change. */
            version: number;
            /** @description What the job has made, where that is asked for. */
            outputs?: {
                analysis: {
                    /** @description The model that made it. */
                    model: string;
                    /**
                     * @description The instructions that it was made by, with their version.
                     * @example summary@3
                     */
                    prompt: string | null;
                    /**
                     * Format: date-time
                     * @description ISO 8601, UTC.
                     * @example 2026-11-23T12:00:00.000Z
                     */
                    createdAt: string;
                    result: components["schemas"]["BrandAnalysis"];
                } | null;
                /** @description The first text, once it is there. */
                content: components["schemas"]["Content"] | null;
                /** @description Every text that was asked for, by its number. */
                texts: components["schemas"]["Text"][];
            };
        };
        MatchingChange: {
            dryRun: boolean;
            /** @description How many jobs this call has changed, or would change. */
            jobs: number;
            /** @description How many were already as they should be: cancelled, or not ended in a retry. */
            unchanged: number;
            /** @description Those that could not be changed, by the error that each call for one of them would get. */
            refused: components["schemas"]["RefusedJobs"][];
            /** @description There may be more: call again with `nextCursor`. After a dry run: the count is the least. */
            more: boolean;
            /** @description Where the next call goes on; null if there are no more. */
            nextCursor: string | null;
        };
        Minute: {
            /**
             * Format: date-time
             * @description ISO 8601, UTC.
             * @example 2026-11-23T12:00:00.000Z
             */
            minute: string;
            workers: number;
            claimed: number;
            completed: number;
            retried: number;
            /** @description Jobs that failed in a run or with their worker. */
            failed: number;
            expired: number;
            /** @description Taken back from workers that had died. */
            reclaimed: number;
            /** @description Jobs that failed, by code. */
            failures: {
                [key: string]: number;
            };
            /** @description Of the calls whose price is known. */
            costUsd: number;
            /** @description How long jobs were pending before their runs. */
            waitingMs: {
                p50: number;
                p95: number;
            } | null;
            /** @description How long bringing the images took. */
            imageMs: {
                p50: number;
                p95: number;
            } | null;
            /** @description How long the calls of a run for the analysis took. */
            analysisMs: {
                p50: number;
                p95: number;
            } | null;
            /** @description How long the calls of a run for its texts took. */
            contentMs: {
                p50: number;
                p95: number;
            } | null;
        };
        /** @description What workers reported, up to some seconds ago. */
        Minutes: {
            totals: {
                claimed: number;
                completed: number;
                retried: number;
                /** @description Jobs that failed in a run or with their worker. */
                failed: number;
                expired: number;
                /** @description Taken back from workers that had died. */
                reclaimed: number;
                /** @description Jobs that failed, by code. */
                failures: {
                    [key: string]: number;
                };
                /** @description Of the calls whose price is known. */
                costUsd: number;
                /** @description How long jobs were pending before their runs. */
                waitingMs: {
                    p50: number;
                    p95: number;
                } | null;
                /** @description How long bringing the images took. */
                imageMs: {
                    p50: number;
                    p95: number;
                } | null;
                /** @description How long the calls of a run for the analysis took. */
                analysisMs: {
                    p50: number;
                    p95: number;
                } | null;
                /** @description How long the calls of a run for its texts took. */
                contentMs: {
                    p50: number;
                    p95: number;
                } | null;
            };
            /** @description The oldest first; those in which nothing happened are left out. */
            minutes: components["schemas"]["Minute"][];
        };
        MissingText: {
            /**
             * @description The number of a text within its job.
             * @example 1
             */
            textId: number;
            outputFormat: components["schemas"]["OutputFormat"];
            language: string;
            error: components["schemas"]["JobError"] | null;
        };
        NewApiKey: {
            /**
             * @description The id of an API key.
             * @example 3
             */
            keyId: number;
            name: string;
            /**
             * @description What the key begins with.
             * @example vpk_3JqX0aZk
             */
            prefix: string;
            scopes: components["schemas"]["Scope"][];
            /**
             * Format: date-time
             * @description ISO 8601, UTC.
             * @example 2026-11-23T12:00:00.000Z
             */
            createdAt: string;
            /** @description It is refused from then on; null: it does not expire. */
            expiresAt: string | null;
            /** @description When it was last seen in use, to ten minutes; null: never. */
            lastUsedAt: string | null;
            /** @description The key that made it; null if none did. */
            madeByKeyId: number | null;
            /** @description The key. It is shown this once, and kept nowhere. */
            key: string;
        };
        /**
         * @description refuse: a call with a job that cannot be made makes none · skip: it makes the others, and says which not
         * @enum {string}
         */
        OnInvalid: "refuse" | "skip";
        /** @description A text of a job, as it is now. */
        OneText: {
            /**
             * @description The id of a job.
             * @example 1
             */
            jobId: number;
            text: components["schemas"]["Text"];
        };
        OperatorActions: {
            actions: {
                id: number;
                /**
                 * Format: date-time
                 * @description ISO 8601, UTC.
                 * @example 2026-11-23T12:00:00.000Z
                 */
                at: string;
                /** @description A user, or `cli:` and the account that ran the command. */
                actor: string;
                /** @enum {string} */
                action: "pause" | "resume" | "redrive" | "cancel" | "prune" | "create key" | "revoke key" | "set limits" | "erase";
                dryRun: boolean;
                parameters: {
                    [key: string]: unknown;
                };
                /** @description `done` is false where it did not end. */
                result: {
                    [key: string]: unknown;
                };
            }[];
            nextCursor: string | null;
        };
        OperatorAttempt: {
            attempt: number;
            /** @enum {string} */
            outcome: "running" | "completed" | "retried" | "failed" | "released" | "lost" | "cancelled";
            /** @description The step that the run had come to. */
            step: components["schemas"]["Step"];
            /**
             * Format: date-time
             * @description ISO 8601, UTC.
             * @example 2026-11-23T12:00:00.000Z
             */
            startedAt: string;
            endedAt: string | null;
            error: {
                code: string;
                message: string;
            } | null;
            /** @description The step whose call was cut off, so that it may have been paid for without an answer. */
            possiblyBilled: components["schemas"]["Step"] | null;
            /** @description How many calls were cut off: where the worker died, as many as can have been out. */
            possiblyBilledCalls: number;
            /** @description How long the job was pending before this run. */
            waitingMs: number;
            /** @description How long bringing the image took. */
            imageMs: number;
            usage: {
                analysis: components["schemas"]["StepUsage"] | null;
                content: components["schemas"]["StepUsage"] | null;
            };
            /** @description The raw reason, secrets removed: for operators alone. */
            errorDetail: string | null;
            workerId: string;
            calls: components["schemas"]["AnsweredCalls"][];
        };
        OperatorJob: {
            /**
             * @description The id of a job.
             * @example 1
             */
            jobId: number;
            user: string;
            status: components["schemas"]["Status"];
            /** @description The step that runs or is next; null once the job has ended. */
            step: components["schemas"]["Step"] | null;
            /** @description Its last error. */
            error: {
                code: string;
                message: string;
            } | null;
            /** @description How many runs there have been. */
            attempt: number;
            failures: number;
            crashes: number;
            texts: {
                wanted: number;
                completed: number;
                all: {
                    /**
                     * @description The number of a text within its job.
                     * @example 1
                     */
                    textId: number;
                    outputFormat: string;
                    language: string;
                    /** @enum {string} */
                    status: "waiting" | "completed" | "failed" | "cancelled";
                    revision: number;
                    error: {
                        code: string;
                        message: string;
                    } | null;
                    model: string | null;
                    prompt: string | null;
                    createdAt: string | null;
                    result: unknown;
                }[];
            };
            batchId: number | null;
            /** @description In 32 hex digits, as in the logs and in `x-trace-id`. */
            traceId: string | null;
            /**
             * Format: date-time
             * @description ISO 8601, UTC.
             * @example 2026-11-23T12:00:00.000Z
             */
            createdAt: string;
            /**
             * Format: date-time
             * @description ISO 8601, UTC.
             * @example 2026-11-23T12:00:00.000Z
             */
            updatedAt: string;
            finishedAt: string | null;
            maxRetries: number;
            /** @description When a scheduled job is due. */
            nextTryAt: string | null;
            startedAt: string | null;
            /**
             * Format: date-time
             * @description ISO 8601, UTC.
             * @example 2026-11-23T12:00:00.000Z
             */
            expiresAt: string;
            /** @description The worker that holds it; null unless it is processing. */
            workerId: string | null;
            leaseExpiresAt: string | null;
            imageUrl: string;
            analysisPurpose: string;
            /** @description What did not fit in the last answer of the analysis. */
            answerIssue: string | null;
            metadata: {
                [key: string]: unknown;
            } | null;
            timings: {
                waitingMs: number;
                runningMs: number;
                totalMs: number;
            };
            usage: components["schemas"]["Usage"];
            attempts: components["schemas"]["OperatorAttempt"][];
            analysis: {
                model: string;
                prompt: string | null;
                /**
                 * Format: date-time
                 * @description ISO 8601, UTC.
                 * @example 2026-11-23T12:00:00.000Z
                 */
                createdAt: string;
                result: unknown;
            } | null;
        };
        OperatorJobSummary: {
            /**
             * @description The id of a job.
             * @example 1
             */
            jobId: number;
            user: string;
            status: components["schemas"]["Status"];
            /** @description The step that runs or is next; null once the job has ended. */
            step: components["schemas"]["Step"] | null;
            /** @description Its last error. */
            error: {
                code: string;
                message: string;
            } | null;
            /** @description How many runs there have been. */
            attempt: number;
            failures: number;
            crashes: number;
            texts: {
                wanted: number;
                completed: number;
            };
            batchId: number | null;
            /** @description In 32 hex digits, as in the logs and in `x-trace-id`. */
            traceId: string | null;
            /**
             * Format: date-time
             * @description ISO 8601, UTC.
             * @example 2026-11-23T12:00:00.000Z
             */
            createdAt: string;
            /**
             * Format: date-time
             * @description ISO 8601, UTC.
             * @example 2026-11-23T12:00:00.000Z
             */
            updatedAt: string;
            finishedAt: string | null;
        };
        OperatorJobs: {
            jobs: components["schemas"]["OperatorJobSummary"][];
            /** @description Asks for the next page; null on the last. A page may have fewer jobs than asked for, or none. */
            nextCursor: string | null;
        };
        /**
         * @description What the second step writes.
         * @enum {string}
         */
        OutputFormat: "detailed_analysis" | "summary" | "social_post" | "product_description" | "alt_text" | "brand_guidelines";
        /**
         * @description The network that a post is for: its limits and habits are kept.
         * @enum {string}
         */
        Platform: "instagram" | "facebook" | "linkedin" | "x" | "pinterest" | "tiktok" | "threads" | "bluesky";
        Problem: {
            /**
             * @description Where the error is described: relative to the address of the call, and the same for the same `code`.
             * @example /problems/job.not_found
             */
            type: string;
            title: string;
            status: number;
            /** @description A sentence for people. */
            detail: string;
            /**
             * @description A stable code for programs.
             * @example job.not_found
             * @enum {string}
             */
            code: "request.invalid" | "request.unauthenticated" | "request.forbidden" | "request.not_found" | "request.method_not_allowed" | "request.too_large" | "request.unsupported_type" | "request.precondition_failed" | "request.precondition_required" | "auth.unavailable" | "job.not_found" | "job.not_cancellable" | "job.not_retryable" | "idempotency.mismatch" | "brand.not_found" | "brand.too_many" | "brand.too_many_versions" | "key.not_found" | "key.too_many" | "webhook.not_found" | "webhook.too_many" | "webhook.invalid_url" | "webhook.too_many_secrets" | "webhook.disabled" | "webhook.delivery_not_found" | "text.not_found" | "text.not_ready" | "text.too_many" | "text.too_many_revisions" | "batch.not_found" | "batch.closed" | "batch.full" | "batch.too_many" | "limit.jobs_per_day" | "limit.jobs_waiting" | "limit.spend_per_day" | "limit.uploads_per_day" | "limit.upload_bytes_per_day" | "limit.estimates_per_minute" | "limit.webhook_requests_per_minute" | "upload.not_found" | "database.unavailable" | "internal.error" | "image.invalid_url" | "image.forbidden_address" | "image.too_large" | "image.unsupported_type" | "image.malformed" | "image.truncated" | "image.too_many_pixels" | "storage.unavailable";
            /** @description Name it when you report the problem. */
            requestId: string;
            errors?: {
                /**
                 * @description Where in the input: a JSON pointer.
                 * @example #/metadata
                 */
                pointer: string;
                /**
                 * @description What is wrong with it; stable.
                 * @enum {string}
                 */
                code: "field.missing" | "field.unknown" | "field.wrong_type" | "field.not_allowed" | "field.too_small" | "field.too_large" | "field.malformed" | "field.conflict" | "json.duplicate_name" | "json.forbidden_name" | "json.inexact_number" | "json.lone_surrogate" | "json.too_deep" | "request.invalid" | "request.unauthenticated" | "request.forbidden" | "request.not_found" | "request.method_not_allowed" | "request.too_large" | "request.unsupported_type" | "request.precondition_failed" | "request.precondition_required" | "auth.unavailable" | "job.not_found" | "job.not_cancellable" | "job.not_retryable" | "idempotency.mismatch" | "brand.not_found" | "brand.too_many" | "brand.too_many_versions" | "key.not_found" | "key.too_many" | "webhook.not_found" | "webhook.too_many" | "webhook.invalid_url" | "webhook.too_many_secrets" | "webhook.disabled" | "webhook.delivery_not_found" | "text.not_found" | "text.not_ready" | "text.too_many" | "text.too_many_revisions" | "batch.not_found" | "batch.closed" | "batch.full" | "batch.too_many" | "limit.jobs_per_day" | "limit.jobs_waiting" | "limit.spend_per_day" | "limit.uploads_per_day" | "limit.upload_bytes_per_day" | "limit.estimates_per_minute" | "limit.webhook_requests_per_minute" | "upload.not_found" | "database.unavailable" | "internal.error" | "image.invalid_url" | "image.forbidden_address" | "image.too_large" | "image.unsupported_type" | "image.malformed" | "image.truncated" | "image.too_many_pixels" | "storage.unavailable";
                detail: string;
                /** @description The job that has the idempotency key. */
                jobId?: number;
            }[];
        };
        ProductDescription: {
            /** @description The product’s name as given or seen, or else what it is */
            name: string;
            /** @description One line that makes one want it */
            tagline: string;
            /** @description What it is, how it looks and whom it is for */
            description: string;
            /** @description What can be seen or was said of it, one a line */
            features: string[];
            /** @description What people would type to find it, in this language */
            searchKeywords: string[];
        };
        ProductDescriptionContent: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            outputFormat: "product_description";
            /** @description The model that made it. */
            model: string;
            /**
             * @description The instructions that it was made by, with their version.
             * @example summary@3
             */
            prompt: string | null;
            /**
             * Format: date-time
             * @description ISO 8601, UTC.
             * @example 2026-11-23T12:00:00.000Z
             */
            createdAt: string;
            result: components["schemas"]["ProductDescription"];
            findings: components["schemas"]["Finding"][];
        };
        ProductDescriptionText: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            outputFormat: "product_description";
            /**
             * @description The number of a text within its job.
             * @example 1
             */
            textId: number;
            language: string;
            platform: components["schemas"]["Platform"] | null;
            brandId: number | null;
            brandVersion: number | null;
            /** @description 1, 2, … among those that are wanted alike. */
            variant: number;
            /**
             * @description waiting: is to be made, or made anew · completed: it is there · failed: for good, until the job is retried · cancelled: with its job
             * @enum {string}
             */
            status: "waiting" | "completed" | "failed" | "cancelled";
            /** @description The current one, which `result` is; 0 while there is none. */
            revision: number;
            /** @description Whether its owner has approved this revision. */
            approved: boolean;
            /** @description Why it is not there, or why the last call for it failed. */
            error: {
                code: components["schemas"]["ErrorCode"];
                message: string;
            } | null;
            model: string | null;
            /**
             * @description The instructions that it was made by, with their version.
             * @example summary@3
             */
            prompt: string | null;
            /** @description The author of the result. */
            author: ("model" | "user") | null;
            /** @description When this revision came. */
            createdAt: string | null;
            findings: components["schemas"]["Finding"][];
            result: components["schemas"]["ProductDescription"] | null;
        };
        ProviderState: {
            /** @enum {string} */
            provider: "gemini" | "deepseek";
            /**
             * @description The circuit breaker. closed: calls pass · open: no calls for `openMs`, after a 429, failures or a refusal · half_open: one call at a time probes the provider
             * @enum {string}
             */
            circuit: "closed" | "open" | "half_open";
            /** @description How long the circuit stays open, in milliseconds; 0 if it is not open. */
            openMs: number;
            /** @description The code of the error that opened it last. */
            openCode: string | null;
            /** @description Since when the provider is down or its quota used up: jobs that need it do not expire meanwhile. */
            downSince: string | null;
            /** @description Calls that failed or timed out since the last success. */
            consecutiveFailures: number;
            /** @description Set while an operator has paused it; null otherwise. */
            pausedByOperator: {
                /** @description A user, or `cli:` and the account that ran the command. */
                by: string;
                /**
                 * Format: date-time
                 * @description ISO 8601, UTC.
                 * @example 2026-11-23T12:00:00.000Z
                 */
                at: string;
                reason: string | null;
            } | null;
        };
        PruneResult: {
            dryRun: boolean;
            olderThanDays: number;
            /** @description How many were deleted, or would be. */
            jobs: number;
            /** @description There are more: the limit or the time of one call was reached. */
            more: boolean;
        };
        Redrive: {
            /** @description Which failed jobs; all if left out. */
            filter?: {
                /** @description The code that jobs failed with, or the first part of several: `analysis.` */
                code?: string;
                /**
                 * Format: date-time
                 * @description Only jobs that failed at this moment or later.
                 * @example 2026-11-23T12:00:00.000Z
                 */
                since?: string;
                /**
                 * Format: date-time
                 * @description Only jobs that failed before this moment; now if left out.
                 * @example 2026-11-23T12:00:00.000Z
                 */
                until?: string;
                /** @description Only the jobs of this user. */
                user?: string;
                /**
                 * @description Only the jobs of this batch.
                 * @example 5
                 */
                batch?: number;
            };
            /** @description Counts and changes nothing, unless this is false. `true` if left out. */
            dryRun?: boolean;
            /** @description The most jobs in one call. `1000` if left out. */
            limit?: number;
        };
        RedriveResult: {
            dryRun: boolean;
            /** @description How many were given a new life, or would be. */
            jobs: number;
            /** @description The ids of some of them. */
            sample: number[];
            /** @description There may be more: the limit or the time of one call was reached. */
            more: boolean;
            /** @description When the last of them failed: `since` of the next call. */
            through: string | null;
        };
        RefusedJobs: {
            code: components["schemas"]["ErrorCode"];
            jobs: number;
            /** @description The ids of some of them, up to 20. */
            sample: number[];
        };
        RejectedJob: {
            /** @description Where in the call, from 0. */
            index: number;
            /** @description What is wrong with it: all of it for the first jobs, at least one thing for each. */
            errors: {
                pointer: string;
                code: string;
                detail: string;
                /**
                 * @description The job that has the idempotency key.
                 * @example 1
                 */
                jobId?: number;
            }[];
        };
        RejectedRow: {
            /** @description Where the row begins, from 1. */
            line: number;
            errors: {
                column: string;
                code: string;
                detail: string;
            }[];
        };
        /** @description A job, and each field of each text as `<format>.<language>.<field>`; before the field come the network of a post, `brand-<id>` where it is not the job’s, and the variant from the second on. */
        ResultRow: {
            /**
             * @description The id of a job.
             * @example 1
             */
            jobId: number;
            imageUrl: string;
            /** @description The `file` of its metadata: the name of the file, where the console or the client sent it. */
            file: string | null;
            /** @description The `sku` of its metadata. */
            sku: string | null;
            status: components["schemas"]["Status"];
            errorCode: components["schemas"]["ErrorCode"] | null;
            errorMessage: string | null;
            finishedAt: string | null;
        } & {
            [key: string]: (string | number | boolean | string[]) | null;
        };
        ResultsPage: {
            rows: components["schemas"]["ResultRow"][];
            /** @description Asks for the next page; null on the last. */
            nextCursor: string | null;
        };
        RetryBatch: {
            /**
             * @description Only jobs that failed with this code, or with one that begins so: `analysis.`
             * @example analysis.timed_out
             */
            code?: string;
        };
        Revision: {
            revision: number;
            /**
             * @description Its author.
             * @enum {string}
             */
            author: "model" | "user";
            /** @description The user who wrote it, or requested it; null for the first revision. */
            requestedBy: string | null;
            /** @description What was asked for with it. */
            instruction: string | null;
            approved: boolean;
            model: string | null;
            prompt: string | null;
            /**
             * Format: date-time
             * @description ISO 8601, UTC.
             * @example 2026-11-23T12:00:00.000Z
             */
            createdAt: string;
            /** @description As in the text, by its format. */
            result: {
                [key: string]: unknown;
            };
            findings: components["schemas"]["Finding"][];
        };
        /** @description Every revision of a text, newest first. */
        Revisions: {
            /**
             * @description The id of a job.
             * @example 1
             */
            jobId: number;
            /**
             * @description The number of a text within its job.
             * @example 1
             */
            textId: number;
            outputFormat: components["schemas"]["OutputFormat"];
            revisions: components["schemas"]["Revision"][];
        };
        RotateWebhookSecret: {
            /** @description For how long the secrets from before sign as well; 0: not any more. `24` if left out. */
            previousValidHours?: number;
        };
        /**
         * @description read: to look at what is the user’s · write: to make, change and delete it · operator: the calls under /v1/operator and /v1/worker
         * @enum {string}
         */
        Scope: "read" | "write" | "operator";
        SetUserLimits: {
            /** @description Jobs pending or processing at once: JOB_IN_FLIGHT_PER_USER. */
            jobsInFlight?: number | null;
            /** @description Jobs that wait: USER_JOBS_WAITING. */
            jobsWaiting?: number | null;
            /** @description Jobs created in a day (UTC): USER_JOBS_PER_DAY. */
            jobsPerDay?: number | null;
            /** @description What its calls may cost in a day (UTC): USER_DOLLARS_PER_DAY. */
            dollarsPerDay?: number | null;
            /** @description Uploads in a day (UTC): USER_UPLOADS_PER_DAY. */
            uploadsPerDay?: number | null;
            /** @description Megabytes uploaded in a day (UTC): USER_UPLOAD_MEGABYTES_PER_DAY. */
            uploadMegabytesPerDay?: number | null;
            /** @description Live streams at once: STREAM_SESSIONS_PER_USER. */
            streams?: number | null;
            /** @description Calls that wait at once: WAITS_PER_USER. Where that is 0, no call waits, and more is refused. */
            waits?: number | null;
        };
        SocialPost: {
            /** @description The text of the post, without the hashtags */
            caption: string;
            /** @description Each with its leading #, no spaces; what people of this language search for */
            hashtags: string[];
            /** @description One thing to do, which the purpose offers */
            callToAction: string;
        };
        SocialPostContent: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            outputFormat: "social_post";
            /** @description The model that made it. */
            model: string;
            /**
             * @description The instructions that it was made by, with their version.
             * @example summary@3
             */
            prompt: string | null;
            /**
             * Format: date-time
             * @description ISO 8601, UTC.
             * @example 2026-11-23T12:00:00.000Z
             */
            createdAt: string;
            result: components["schemas"]["SocialPost"];
            findings: components["schemas"]["Finding"][];
        };
        SocialPostText: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            outputFormat: "social_post";
            /**
             * @description The number of a text within its job.
             * @example 1
             */
            textId: number;
            language: string;
            platform: components["schemas"]["Platform"] | null;
            brandId: number | null;
            brandVersion: number | null;
            /** @description 1, 2, … among those that are wanted alike. */
            variant: number;
            /**
             * @description waiting: is to be made, or made anew · completed: it is there · failed: for good, until the job is retried · cancelled: with its job
             * @enum {string}
             */
            status: "waiting" | "completed" | "failed" | "cancelled";
            /** @description The current one, which `result` is; 0 while there is none. */
            revision: number;
            /** @description Whether its owner has approved this revision. */
            approved: boolean;
            /** @description Why it is not there, or why the last call for it failed. */
            error: {
                code: components["schemas"]["ErrorCode"];
                message: string;
            } | null;
            model: string | null;
            /**
             * @description The instructions that it was made by, with their version.
             * @example summary@3
             */
            prompt: string | null;
            /** @description The author of the result. */
            author: ("model" | "user") | null;
            /** @description When this revision came. */
            createdAt: string | null;
            findings: components["schemas"]["Finding"][];
            result: components["schemas"]["SocialPost"] | null;
        };
        /**
         * @description scheduled: waits for its time · blocked: waits until fewer jobs of its owner are pending or processing · pending: waits for a worker · processing: a worker has it · completed: the analysis and all texts are there · failed: ended by an error, may be retried; what was made before stays readable · cancelled: by its owner
         * @enum {string}
         */
        Status: "scheduled" | "blocked" | "pending" | "processing" | "completed" | "failed" | "cancelled";
        /**
         * @description analysis: what is in the image · content: the texts made from it
         * @enum {string}
         */
        Step: "analysis" | "content";
        /** @description What one step took of its provider. */
        StepUsage: {
            /** @description The model that answered. */
            model: string;
            /** @description Null, like the others, where the provider did not say. */
            inputTokens: number | null;
            cachedTokens: number | null;
            outputTokens: number | null;
            thinkingTokens: number | null;
            /**
             * @description In US dollars, by the price of that day; null where no price is known.
             * @example 0.001313
             */
            costUsd: number | null;
            milliseconds: number;
        };
        Summary: {
            /** @description What matters most, as a headline */
            headline: string;
            /** @description What the image shows and says, in one paragraph */
            summary: string;
            /** @description What to remember, one point each, none said twice */
            keyPoints: string[];
        };
        SummaryContent: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            outputFormat: "summary";
            /** @description The model that made it. */
            model: string;
            /**
             * @description The instructions that it was made by, with their version.
             * @example summary@3
             */
            prompt: string | null;
            /**
             * Format: date-time
             * @description ISO 8601, UTC.
             * @example 2026-11-23T12:00:00.000Z
             */
            createdAt: string;
            result: components["schemas"]["Summary"];
            findings: components["schemas"]["Finding"][];
        };
        SummaryText: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            outputFormat: "summary";
            /**
             * @description The number of a text within its job.
             * @example 1
             */
            textId: number;
            language: string;
            platform: components["schemas"]["Platform"] | null;
            brandId: number | null;
            brandVersion: number | null;
            /** @description 1, 2, … among those that are wanted alike. */
            variant: number;
            /**
             * @description waiting: is to be made, or made anew · completed: it is there · failed: for good, until the job is retried · cancelled: with its job
             * @enum {string}
             */
            status: "waiting" | "completed" | "failed" | "cancelled";
            /** @description The current one, which `result` is; 0 while there is none. */
            revision: number;
            /** @description Whether its owner has approved this revision. */
            approved: boolean;
            /** @description Why it is not there, or why the last call for it failed. */
            error: {
                code: components["schemas"]["ErrorCode"];
                message: string;
            } | null;
            model: string | null;
            /**
             * @description The instructions that it was made by, with their version.
             * @example summary@3
             */
            prompt: string | null;
            /** @description The author of the result. */
            author: ("model" | "user") | null;
            /** @description When this revision came. */
            createdAt: string | null;
            findings: components["schemas"]["Finding"][];
            result: components["schemas"]["Summary"] | null;
        };
        Tally: {
            /** @description Runs begun. */
            claimed: number;
            completed: number;
            /** @description Runs that failed and will be followed by another. */
            retried: number;
            /** @description Runs that were the last of a job that failed. */
            failed: number;
            /** @description Runs given back at no cost to the job. */
            released: number;
            /** @description Runs whose job was cancelled, deleted or taken up by another worker. */
            lost: number;
            /** @description Jobs taken back from workers that had died. */
            reclaimed: number;
            /** @description Jobs that were not begun before they expired. */
            expired: number;
        };
        /** @description One of the texts that were asked for; `outputFormat` says which fields `result` has. */
        Text: components["schemas"]["DetailedAnalysisText"] | components["schemas"]["SummaryText"] | components["schemas"]["SocialPostText"] | components["schemas"]["ProductDescriptionText"] | components["schemas"]["AltTextText"] | components["schemas"]["BrandGuidelinesText"];
        /** @description A text of a job was made, or made anew. */
        TextCompletedPayload: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "text.completed";
            /**
             * @description Of this form: another one is another number.
             * @constant
             */
            payloadVersion: 1;
            /**
             * Format: date-time
             * @description When it happened; the same with every attempt.
             * @example 2026-11-23T12:00:00.000Z
             */
            timestamp: string;
            data: {
                /**
                 * @description The id of a job.
                 * @example 1
                 */
                jobId: number;
                batchId: number | null;
                /** @description Of the job: grows with every change. What has a lower one than something received before is out of date. */
                version: number;
                /**
                 * @description The number of a text within its job.
                 * @example 1
                 */
                text: number;
                /** @description Counts how often this text was made. */
                revision: number;
            };
        };
        UpdateBrand: {
            profile: components["schemas"]["BrandProfile"];
            /**
             * @description The version that was read. Over REST the header `If-Match` may say it instead.
             * @example 3
             */
            version?: number;
        };
        UpdateWebhook: {
            /**
             * @description Where events are posted: https, at a public address, port 443 or one from 1024 up.
             * @example https://shop.example/hooks/vision
             */
            url?: string;
            /** @description The events that it receives. */
            events?: components["schemas"]["WebhookEvent"][];
            description?: string | null;
            /**
             * @description Enabled again it begins anew: its failures are forgotten, and what still waits is sent.
             * @enum {string}
             */
            status?: "enabled" | "disabled";
        };
        Upload: {
            /** @description POST the file here, as multipart/form-data; null where it is `present`. */
            url: string | null;
            /** @description The fields of the form, to be sent as they are and before the file, which is the field `file`. */
            fields: {
                [key: string]: string;
            };
            /** @description A job of yours has brought this very file already: it need not be sent, and counts for no limit. */
            present: boolean;
            /**
             * @description What a job is created with.
             * @example upload:uploads/…
             */
            imageUrl: string;
            /**
             * Format: date-time
             * @description ISO 8601, UTC.
             * @example 2026-11-23T12:00:00.000Z
             */
            expiresAt: string;
        };
        /** @description What was used. */
        Usage: {
            /** @description Calls of a provider that were answered. */
            calls: number;
            /** @description Calls that were cut off, so that they may have been paid for without an answer: not in the cost. */
            possiblyBilled: number;
            inputTokens: number;
            /** @description The part of the input that the provider had cached. */
            cachedTokens: number;
            /** @description Thinking included. */
            outputTokens: number;
            /** @description The part of the output that was thinking. */
            thinkingTokens: number;
            /**
             * @description In US dollars, by the price of that day; null where no price is known.
             * @example 0.001313
             */
            costUsd: number | null;
            /** @description Calls whose price is not known, which the cost leaves out. */
            unpricedCalls: number;
            /** @description How long jobs were pending before their runs. */
            waitingMs: number;
            /** @description How long bringing the images took. */
            imageMs: number;
            /** @description How long the calls for the analysis took. */
            analysisMs: number;
            /** @description How long the calls for the content took. */
            contentMs: number;
        };
        UsageRow: {
            /**
             * Format: date
             * @description The day on which the run or job ended or the job was created, UTC.
             */
            day: string;
            /**
             * @description How the run ended. Without a model also: how the job ended, or that it was created.
             * @enum {string}
             */
            status: "created" | "completed" | "failed" | "cancelled" | "deleted" | "running" | "retried" | "released" | "lost";
            /** @description The model of the calls. The row without one counts the jobs, the runs and what was cut off. */
            model: string | null;
            jobs: number;
            runs: number;
            /** @description Calls of a provider that were answered. */
            calls: number;
            /** @description Calls that were cut off, so that they may have been paid for without an answer: not in the cost. */
            possiblyBilled: number;
            inputTokens: number;
            /** @description The part of the input that the provider had cached. */
            cachedTokens: number;
            /** @description Thinking included. */
            outputTokens: number;
            /** @description The part of the output that was thinking. */
            thinkingTokens: number;
            /**
             * @description In US dollars, by the price of that day; null where no price is known.
             * @example 0.001313
             */
            costUsd: number | null;
            /** @description Calls whose price is not known, which the cost leaves out. */
            unpricedCalls: number;
            /** @description How long jobs were pending before their runs. */
            waitingMs: number;
            /** @description How long bringing the images took. */
            imageMs: number;
            /** @description How long the calls for the analysis took. */
            analysisMs: number;
            /** @description How long the calls for the content took. */
            contentMs: number;
        };
        UserLimit: {
            /** @description What holds for this user; null if unlimited. */
            value: number | null;
            /**
             * @description Whether an operator has set it for this user.
             * @enum {string}
             */
            from: "operator" | "setting";
            /** @description What holds for users without a limit of their own. */
            setting: number | null;
        };
        UserUsage: {
            /** Format: date */
            from: string;
            /** Format: date */
            to: string;
            usage: components["schemas"]["UsageRow"][];
            /** @description What jobs failed of; a job that was retried by hand may fail once more. */
            failures: components["schemas"]["FailedJobs"][];
            /** @description The caller’s limits now, whatever the days asked for. */
            limits: components["schemas"]["LimitLeft"][];
            totals: {
                /** @description A job that was retried by hand ends once more. */
                jobs: {
                    created: number;
                    completed: number;
                    failed: number;
                    cancelled: number;
                    deleted: number;
                };
                runs: number;
                /** @description Calls of a provider that were answered. */
                calls: number;
                /** @description Calls that were cut off, so that they may have been paid for without an answer: not in the cost. */
                possiblyBilled: number;
                inputTokens: number;
                /** @description The part of the input that the provider had cached. */
                cachedTokens: number;
                /** @description Thinking included. */
                outputTokens: number;
                /** @description The part of the output that was thinking. */
                thinkingTokens: number;
                /**
                 * @description In US dollars, by the price of that day; null where no price is known.
                 * @example 0.001313
                 */
                costUsd: number | null;
                /** @description Calls whose price is not known, which the cost leaves out. */
                unpricedCalls: number;
                /** @description How long jobs were pending before their runs. */
                waitingMs: number;
                /** @description How long bringing the images took. */
                imageMs: number;
                /** @description How long the calls for the analysis took. */
                analysisMs: number;
                /** @description How long the calls for the content took. */
                contentMs: number;
            };
        };
        WantedText: {
            outputFormat: components["schemas"]["OutputFormat"];
            /**
             * @description A BCP 47 tag: `en` if left out, or what the brand has by default.
             * @example en
             * @example de-CH
             */
            language?: string;
            /** @description The network that a post is for, with `social_post` only. */
            platform?: components["schemas"]["Platform"] | null;
            /**
             * @description The brand that this text is written for: the job’s if left out.
             * @example 7
             */
            brandId?: number;
            /** @description How many of them: 1 if left out. */
            variants?: number;
        };
        Webhook: {
            /**
             * @description The id of a webhook.
             * @example 3
             */
            webhookId: number;
            /**
             * @description Where events are posted: https, at a public address, port 443 or one from 1024 up.
             * @example https://shop.example/hooks/vision
             */
            url: string;
            description: string | null;
            events: components["schemas"]["WebhookEvent"][];
            /** @enum {string} */
            status: "enabled" | "disabled";
            /** @description owner: by its owner · gone: it answered 410 · failing: it took nothing for five days · null while it is enabled */
            disabledReason: ("owner" | "gone" | "failing") | null;
            /** @description How many attempts have failed since one succeeded. */
            failures: number;
            /** @description Since when; null if the last one succeeded. */
            failingSince: string | null;
            /** @description Until when a secret from before a rotation signs too. */
            previousSecretUntil: string | null;
            /**
             * Format: date-time
             * @description ISO 8601, UTC.
             * @example 2026-11-23T12:00:00.000Z
             */
            createdAt: string;
            /**
             * Format: date-time
             * @description When its owner last changed it.
             * @example 2026-11-23T12:00:00.000Z
             */
            updatedAt: string;
        };
        WebhookDelivery: {
            /**
             * @description The id of a delivery.
             * @example 12
             */
            deliveryId: number;
            /**
             * @description The header `webhook-id`: the same with every attempt, so that what comes twice is known.
             * @example msg_12_mih3k2v4
             */
            messageId: string;
            status: components["schemas"]["DeliveryStatus"];
            /** @description How many of this sending have failed or succeeded. */
            attempts: number;
            /** @description The earliest moment of the next attempt; null once it has ended. */
            nextAttemptAt: string | null;
            /** @description The status of the last answer, and its first 256 bytes; null if there was none. */
            answer: {
                status: number;
                text: string;
            } | null;
            /** @description Why the last attempt failed, for people. */
            error: string | null;
            /**
             * Format: date-time
             * @description ISO 8601, UTC.
             * @example 2026-11-23T12:00:00.000Z
             */
            createdAt: string;
            /** @description When it was last sent. */
            sentAt: string | null;
            /** @description When it was delivered or given up. */
            endedAt: string | null;
            /** @description What is sent. */
            payload: components["schemas"]["WebhookPayload"];
        };
        WebhookDeliveryPage: {
            deliveries: components["schemas"]["WebhookDelivery"][];
            /** @description Asks for the next page; null on the last. */
            nextCursor: string | null;
        };
        /**
         * @description job.completed, job.failed, job.cancelled: a job has ended so · text.completed: a text was made, or made anew · batch.completed: every job of a batch has ended
         * @enum {string}
         */
        WebhookEvent: "job.completed" | "job.failed" | "job.cancelled" | "text.completed" | "batch.completed";
        WebhookPayload: components["schemas"]["JobCompletedPayload"] | components["schemas"]["JobFailedPayload"] | components["schemas"]["JobCancelledPayload"] | components["schemas"]["TextCompletedPayload"] | components["schemas"]["BatchCompletedPayload"] | components["schemas"]["WebhookTestPayload"];
        /** @description A trial call, which the owner of the webhook asked for. */
        WebhookTestPayload: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "webhook.test";
            /**
             * @description Of this form: another one is another number.
             * @constant
             */
            payloadVersion: 1;
            /**
             * Format: date-time
             * @description When it happened; the same with every attempt.
             * @example 2026-11-23T12:00:00.000Z
             */
            timestamp: string;
            data: {
                /**
                 * @description The id of a webhook.
                 * @example 3
                 */
                webhookId: number;
                version: number;
            };
        };
        WebhookWithSecret: {
            /**
             * @description The id of a webhook.
             * @example 3
             */
            webhookId: number;
            /**
             * @description Where events are posted: https, at a public address, port 443 or one from 1024 up.
             * @example https://shop.example/hooks/vision
             */
            url: string;
            description: string | null;
            events: components["schemas"]["WebhookEvent"][];
            /** @enum {string} */
            status: "enabled" | "disabled";
            /** @description owner: by its owner · gone: it answered 410 · failing: it took nothing for five days · null while it is enabled */
            disabledReason: ("owner" | "gone" | "failing") | null;
            /** @description How many attempts have failed since one succeeded. */
            failures: number;
            /** @description Since when; null if the last one succeeded. */
            failingSince: string | null;
            /** @description Until when a secret from before a rotation signs too. */
            previousSecretUntil: string | null;
            /**
             * Format: date-time
             * @description ISO 8601, UTC.
             * @example 2026-11-23T12:00:00.000Z
             */
            createdAt: string;
            /**
             * Format: date-time
             * @description When its owner last changed it.
             * @example 2026-11-23T12:00:00.000Z
             */
            updatedAt: string;
            /**
             * @description What its deliveries are signed with. It is shown this once.
             * @example whsec_…
             */
            secret: string;
        };
        Webhooks: {
            webhooks: components["schemas"]["Webhook"][];
        };
        Worker: {
            workerId: string;
            /** @description Where it runs: on Lambda its log stream, elsewhere its host. */
            host: string;
            /**
             * @description silent: not heard of for a minute though it did not stop, so it has died
             * @enum {string}
             */
            state: "running" | "stopped" | "silent";
            inFlight: number;
            concurrency: number;
            /**
             * Format: date-time
             * @description ISO 8601, UTC.
             * @example 2026-11-23T12:00:00.000Z
             */
            startedAt: string;
            /**
             * Format: date-time
             * @description ISO 8601, UTC.
             * @example 2026-11-23T12:00:00.000Z
             */
            lastHeartbeatAt: string;
            stoppedAt: string | null;
            tally: components["schemas"]["Tally"];
        };
        WorkerStatus: {
            /**
             * Format: date-time
             * @description ISO 8601, UTC.
             * @example 2026-11-23T12:00:00.000Z
             */
            at: string;
            queue: {
                depth: {
                    /** @enum {string} */
                    status: "scheduled" | "blocked" | "pending" | "processing" | "completed" | "failed" | "cancelled";
                    jobs: number;
                    /** @description There are more: nothing is counted beyond this number. */
                    atLeast: boolean;
                }[];
                /** @description For how long the oldest job waits that a worker could have taken; 0 if none does. */
                oldestDueSeconds: number;
            };
            workers: {
                running: number;
                recent: components["schemas"]["Worker"][];
            };
            throughput: {
                /** @description The window: this many whole minutes and the current one. */
                minutes: number;
                /** @description Completed jobs. */
                perMinute: number;
                /** @description Runs that went wrong (retried, failed, worker died) of all that ended; null without any. */
                failureRate: number | null;
                tally: components["schemas"]["Tally"];
                /** @description Jobs that failed, by code. */
                failures: {
                    [key: string]: number;
                };
                /** @description Of the calls whose price is known. */
                costUsd: number;
                /** @description How long jobs were pending before their runs. */
                waitingMs: {
                    p50: number;
                    p95: number;
                } | null;
                /** @description How long bringing the images took. */
                imageMs: {
                    p50: number;
                    p95: number;
                } | null;
                /** @description How long the calls of a run for the analysis took. */
                analysisMs: {
                    p50: number;
                    p95: number;
                } | null;
                /** @description How long the calls of a run for its texts took. */
                contentMs: {
                    p50: number;
                    p95: number;
                } | null;
            }[];
            /** @description Claiming as a whole, whatever the provider. */
            claims: {
                /** @description Set while an operator has paused it; null otherwise. */
                pausedByOperator: {
                    /** @description A user, or `cli:` and the account that ran the command. */
                    by: string;
                    /**
                     * Format: date-time
                     * @description ISO 8601, UTC.
                     * @example 2026-11-23T12:00:00.000Z
                     */
                    at: string;
                    reason: string | null;
                } | null;
            };
            providers: {
                /** @enum {string} */
                provider: "gemini" | "deepseek";
                /**
                 * @description The circuit breaker. closed: calls pass · open: no calls for `openMs`, after a 429, failures or a refusal · half_open: one call at a time probes the provider
                 * @enum {string}
                 */
                circuit: "closed" | "open" | "half_open";
                /** @description How long the circuit stays open, in milliseconds; 0 if it is not open. */
                openMs: number;
                /** @description The code of the error that opened it last. */
                openCode: string | null;
                /** @description Since when the provider is down or its quota used up: jobs that need it do not expire meanwhile. */
                downSince: string | null;
                /** @description Calls that failed or timed out since the last success. */
                consecutiveFailures: number;
                /** @description Set while an operator has paused it; null otherwise. */
                pausedByOperator: {
                    /** @description A user, or `cli:` and the account that ran the command. */
                    by: string;
                    /**
                     * Format: date-time
                     * @description ISO 8601, UTC.
                     * @example 2026-11-23T12:00:00.000Z
                     */
                    at: string;
                    reason: string | null;
                } | null;
                callsInFlight: number;
                callsLastMinute: number;
                tokensLastMinute: number;
            }[];
            /** @description Streams that are being watched. */
            liveSessions: number;
            webhooks: {
                /** @description Deliveries that are to be sent to enabled webhooks, now or later. */
                waiting: {
                    count: number;
                    /** @description There are more: nothing is counted beyond this number. */
                    atLeast: boolean;
                };
                /** @description Those of them whose webhook took nothing last time. */
                failing: {
                    count: number;
                    /** @description There are more: nothing is counted beyond this number. */
                    atLeast: boolean;
                };
                /** @description For how long the oldest delivery waits that could have been sent; 0 if none does. */
                oldestDueSeconds: number;
                endpoints: {
                    enabled: {
                        count: number;
                        /** @description There are more: nothing is counted beyond this number. */
                        atLeast: boolean;
                    };
                    /** @description Those of the enabled ones whose last attempt failed. */
                    failing: {
                        count: number;
                        /** @description There are more: nothing is counted beyond this number. */
                        atLeast: boolean;
                    };
                    /** @description By their owners, by a 410 or by five days of failures. */
                    disabled: {
                        count: number;
                        /** @description There are more: nothing is counted beyond this number. */
                        atLeast: boolean;
                    };
                };
            };
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    getJobHistory: {
        parameters: {
            query?: {
                /** @description The most jobs in one page. */
                limit?: number;
                /** @description The `nextCursor` of the page before. */
                cursor?: unknown;
                /** @description Only jobs in these statuses. */
                status?: components["schemas"]["Status"][];
                /** @description Only jobs with these output formats: those of their first texts. */
                outputFormat?: components["schemas"]["OutputFormat"][];
                /** @description Only jobs of this batch. */
                batchId?: number;
                /** @description Only jobs whose last error has this code, or one that begins so: `analysis.` */
                code?: string;
                /** @description Only jobs that were created then or later: ISO 8601, UTC. */
                createdFrom?: string;
                /** @description Only jobs that were created before: ISO 8601, UTC. */
                createdTo?: string;
                /** @description Only jobs whose metadata have `metadataValue` under this name, at their top. */
                metadataKey?: string;
                /** @description A text, or a number or boolean as JSON writes it, exactly as it was given. */
                metadataValue?: string;
                /** @description Only these jobs, up to 100. Those that are not there, or not the caller’s, are left out. */
                ids?: number[];
                /** @description outputs: each job with what it has made. A page then has up to 4 MB. */
                include?: "outputs"[];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["JobPage"];
                };
            };
        };
    };
    createJob: {
        parameters: {
            query?: never;
            header?: {
                /** @description The same key with the same request is carried out once, however often it is sent. 1 to 200 characters of printable ASCII, no space at either end. The field `idempotencyKey` of the body may say it instead. */
                "Idempotency-Key"?: string;
                /**
                 * @description `wait=<seconds>`, from 1 on: how long to wait for an answer that says more (RFC 7240). More than 25 is taken for 25, as `Preference-Applied` says.
                 * @example wait=20
                 */
                Prefer?: string;
            };
            path?: never;
            cookie?: never;
        };
        /** @description Up to 5.5 MiB, in UTF-8. */
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "imageUrl": "https://example.com/poster.jpg",
                 *       "analysisPurpose": "Improve the hero image of our shop",
                 *       "outputFormat": "summary"
                 *     }
                 */
                "application/json": components["schemas"]["CreateJob"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
        };
    };
    createJobs: {
        parameters: {
            query?: never;
            header?: {
                /** @description The same key with the same request is carried out once, however often it is sent. 1 to 200 characters of printable ASCII, no space at either end. The field `idempotencyKey` of the body may say it instead. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        /** @description Up to 5.5 MiB, in UTF-8. */
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "jobs": [
                 *         {
                 *           "imageUrl": "https://example.com/poster.jpg",
                 *           "analysisPurpose": "Improve the hero image of our shop",
                 *           "outputFormat": "summary"
                 *         }
                 *       ]
                 *     }
                 */
                "application/json": components["schemas"]["CreateJobs"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Jobs"];
                };
            };
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Jobs"];
                };
            };
        };
    };
    cancelMatchingJobs: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description Up to 5.5 MiB, in UTF-8. */
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "filter": {
                 *         "status": [
                 *           "pending",
                 *           "blocked"
                 *         ],
                 *         "outputFormat": [
                 *           "summary"
                 *         ]
                 *       },
                 *       "dryRun": true
                 *     }
                 */
                "application/json": components["schemas"]["ChangeMatching"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["MatchingChange"];
                };
            };
        };
    };
    retryMatchingJobs: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description Up to 5.5 MiB, in UTF-8. */
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "filter": {
                 *         "status": [
                 *           "failed"
                 *         ],
                 *         "code": "analysis."
                 *       },
                 *       "dryRun": true
                 *     }
                 */
                "application/json": components["schemas"]["ChangeMatching"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["MatchingChange"];
                };
            };
        };
    };
    deleteMatchingJobs: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description Up to 5.5 MiB, in UTF-8. */
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "filter": {
                 *         "createdTo": "2026-11-01T00:00:00.000Z"
                 *       },
                 *       "dryRun": true
                 *     }
                 */
                "application/json": components["schemas"]["ChangeMatching"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["MatchingChange"];
                };
            };
        };
    };
    listBatches: {
        parameters: {
            query?: {
                /** @description The most batches on a page. */
                limit?: number;
                /** @description The `nextCursor` of the page before. */
                cursor?: unknown;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BatchPage"];
                };
            };
        };
    };
    createBatch: {
        parameters: {
            query?: never;
            header?: {
                /** @description The same key with the same request is carried out once, however often it is sent. 1 to 200 characters of printable ASCII, no space at either end. The field `idempotencyKey` of the body may say it instead. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        /** @description Up to 5.5 MiB, in UTF-8. */
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "name": "Spring catalogue",
                 *       "defaults": {
                 *         "analysisPurpose": "Sell it in our shop",
                 *         "outputFormat": "summary",
                 *         "language": "de"
                 *       },
                 *       "onInvalid": "skip"
                 *     }
                 */
                "application/json": components["schemas"]["CreateBatch"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Batch"];
                };
            };
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Batch"];
                };
            };
        };
    };
    estimateJobs: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description Up to 5.5 MiB, in UTF-8. */
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "jobs": [
                 *         {
                 *           "imageUrl": "https://example.com/shoe.jpg"
                 *         },
                 *         {
                 *           "imageUrl": "https://10.0.0.7/shoe.jpg"
                 *         }
                 *       ],
                 *       "defaults": {
                 *         "analysisPurpose": "Sell it",
                 *         "outputs": [
                 *           {
                 *             "outputFormat": "alt_text",
                 *             "variants": 4
                 *           }
                 *         ]
                 *       }
                 *     }
                 */
                "application/json": components["schemas"]["EstimateJobs"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Estimate"];
                };
            };
        };
    };
    watchJobs: {
        parameters: {
            query?: {
                /** @description Only the jobs of this batch. */
                batchId?: number;
                /** @description Without a last event id, the stream begins with the jobs that have changed since then. If left out, since a minute ago; for a batch, with all its jobs. */
                since?: string;
                /** @description The id of the last event that arrived: only later ones are sent. May be sent as the header Last-Event-ID instead, which counts if both are there. Recent changes may be sent again: its `version` is the same. */
                lastEventId?: string;
            };
            header?: {
                /** @description The id of the last event that arrived: only later ones are sent. May be sent as the header Last-Event-ID instead, which counts if both are there. Recent changes may be sent again: its `version` is the same. */
                "Last-Event-ID"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": string;
                };
            };
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    createEventsTicket: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description Up to 5.5 MiB, in UTF-8. */
        requestBody?: {
            content: {
                /** @example {} */
                "application/json": components["schemas"]["CreateEventsTicket"];
            };
        };
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EventsTicket"];
                };
            };
        };
    };
    createUpload: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description Up to 5.5 MiB, in UTF-8. */
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "contentType": "image/jpeg",
                 *       "bytes": 482113
                 *     }
                 */
                "application/json": components["schemas"]["CreateUpload"];
            };
        };
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Upload"];
                };
            };
        };
    };
    listBrands: {
        parameters: {
            query?: {
                /** @description The most on a page. */
                limit?: number;
                /** @description The `nextCursor` of the page before. */
                cursor?: unknown;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BrandPage"];
                };
            };
        };
    };
    createBrand: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description Up to 5.5 MiB, in UTF-8. */
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "profile": {
                 *         "name": "Fernhill Nursery",
                 *         "voice": "Calm and plain, with a dry humour",
                 *         "audience": "People with a garden or a balcony",
                 *         "formality": "informal",
                 *         "do": [
                 *           "Name the workshop"
                 *         ],
                 *         "dont": [
                 *           "Exclamation marks"
                 *         ],
                 *         "preferredWords": [
                 *           "nursery"
                 *         ],
                 *         "bannedWords": [
                 *           "cheap*",
                 *           "best in class"
                 *         ],
                 *         "facts": {
                 *           "founded": 1987,
                 *           "returns": "30 days"
                 *         },
                 *         "palette": [
                 *           {
                 *             "hex": "#14213d",
                 *             "name": "navy"
                 *           }
                 *         ],
                 *         "defaults": {
                 *           "languages": [
                 *             "en",
                 *             "de"
                 *           ]
                 *         }
                 *       }
                 *     }
                 */
                "application/json": components["schemas"]["CreateBrand"];
            };
        };
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Brand"];
                };
            };
        };
    };
    listKeys: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ApiKeys"];
                };
            };
        };
    };
    createKey: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description Up to 5.5 MiB, in UTF-8. */
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "name": "Shop server",
                 *       "scopes": [
                 *         "read",
                 *         "write"
                 *       ],
                 *       "expiresInDays": 365
                 *     }
                 */
                "application/json": components["schemas"]["CreateKey"];
            };
        };
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NewApiKey"];
                };
            };
        };
    };
    listWebhooks: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Webhooks"];
                };
            };
        };
    };
    createWebhook: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description Up to 5.5 MiB, in UTF-8. */
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "url": "https://shop.example/hooks/vision",
                 *       "events": [
                 *         "job.completed",
                 *         "job.failed",
                 *         "batch.completed"
                 *       ],
                 *       "description": "Shop server"
                 *     }
                 */
                "application/json": components["schemas"]["CreateWebhook"];
            };
        };
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["WebhookWithSecret"];
                };
            };
        };
    };
    getUsage: {
        parameters: {
            query?: {
                /** @description The first day, UTC; 29 days before the last if not given. */
                from?: string;
                /** @description The last day, at most 366 with the first; today if not given. */
                to?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["UserUsage"];
                };
            };
        };
    };
    findJobs: {
        parameters: {
            query?: {
                /** @description The most jobs in one page. */
                limit?: number;
                /** @description The `nextCursor` of the page before. */
                cursor?: unknown;
                /** @description Only jobs in these statuses. Of the scheduled ones, without another filter, the 5,000 that are due first. */
                status?: components["schemas"]["Status"][];
                /** @description Only jobs whose last error has this code, or one of those that begin with it: `analysis.` */
                code?: string;
                /** @description Only the jobs of this user. */
                user?: string;
                /** @description Only the jobs of this batch. */
                batch?: number;
                /** @description Only jobs created at this moment or later. */
                since?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OperatorJobs"];
                };
            };
        };
    };
    getFailures: {
        parameters: {
            query?: {
                /** @description How many days, UTC, of which today is the last. */
                days?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failures"];
                };
            };
        };
    };
    getMinutes: {
        parameters: {
            query?: {
                /** @description How many minutes back, the one that has begun included; a day at most. */
                minutes?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Minutes"];
                };
            };
        };
    };
    getWorkerStatus: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["WorkerStatus"];
                };
            };
        };
    };
    pauseClaims: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description Up to 5.5 MiB, in UTF-8. */
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "provider": "deepseek",
                 *       "reason": "Their status page says so"
                 *     }
                 */
                "application/json": {
                    /**
                     * @description Only what needs this provider next; everything if left out.
                     * @enum {string}
                     */
                    provider?: "gemini" | "deepseek";
                    /** @description The reason, for the audit log. */
                    reason?: string;
                };
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Claiming"];
                };
            };
        };
    };
    resumeClaims: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description Up to 5.5 MiB, in UTF-8. */
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "provider": "deepseek"
                 *     }
                 */
                "application/json": {
                    /**
                     * @description Only what needs this provider next; everything if left out.
                     * @enum {string}
                     */
                    provider?: "gemini" | "deepseek";
                    /** @description The reason, for the audit log. */
                    reason?: string;
                };
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Claiming"];
                };
            };
        };
    };
    redriveJobs: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description Up to 5.5 MiB, in UTF-8. */
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "filter": {
                 *         "code": "analysis.",
                 *         "since": "2026-11-23T12:00:00.000Z"
                 *       },
                 *       "dryRun": true
                 *     }
                 */
                "application/json": components["schemas"]["Redrive"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RedriveResult"];
                };
            };
        };
    };
    cancelJobs: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description Up to 5.5 MiB, in UTF-8. */
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "filter": {
                 *         "user": "ann",
                 *         "code": "analysis."
                 *       },
                 *       "dryRun": true
                 *     }
                 */
                "application/json": components["schemas"]["Cancel"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CancelResult"];
                };
            };
        };
    };
    pruneJobs: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description Up to 5.5 MiB, in UTF-8. */
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "olderThanDays": 90
                 *     }
                 */
                "application/json": {
                    /** @description Jobs that ended longer ago; JOB_RETENTION_DAYS of the function if left out. */
                    olderThanDays?: number;
                    /** @description Counts and changes nothing, unless this is false. `true` if left out. */
                    dryRun?: boolean;
                    /** @description The most jobs in one call. `1000` if left out. */
                    limit?: number;
                };
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PruneResult"];
                };
            };
        };
    };
    getOperatorActions: {
        parameters: {
            query?: {
                /** @description The most actions in one page. */
                limit?: number;
                /** @description The `nextCursor` of the page before. */
                cursor?: unknown;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OperatorActions"];
                };
            };
        };
    };
    getJobStatus: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description `wait=<seconds>`, from 1 on: how long to wait for an answer that says more (RFC 7240). More than 25 is taken for 25, as `Preference-Applied` says.
                 * @example wait=20
                 */
                Prefer?: string;
                /**
                 * @description The `ETag` of an earlier answer: nothing new is answered with 304.
                 * @example W/"42-3"
                 */
                "If-None-Match"?: string;
            };
            path: {
                /** @description The id of a job. */
                jobId: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    deleteJob: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The id of a job. */
                jobId: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    cancelJob: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The id of a job. */
                jobId: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
        };
    };
    retryJob: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The id of a job. */
                jobId: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
        };
    };
    getJobAttempts: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The id of a job. */
                jobId: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Attempts"];
                };
            };
        };
    };
    addTexts: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The id of a job. */
                jobId: number;
            };
            cookie?: never;
        };
        /** @description Up to 5.5 MiB, in UTF-8. */
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "outputs": [
                 *         {
                 *           "outputFormat": "alt_text",
                 *           "language": "de"
                 *         }
                 *       ]
                 *     }
                 */
                "application/json": components["schemas"]["AddTexts"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
        };
    };
    getBatch: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description `wait=<seconds>`, from 1 on: how long to wait for an answer that says more (RFC 7240). More than 25 is taken for 25, as `Preference-Applied` says.
                 * @example wait=20
                 */
                Prefer?: string;
                /**
                 * @description The `ETag` of an earlier answer: nothing new is answered with 304.
                 * @example W/"42-3"
                 */
                "If-None-Match"?: string;
            };
            path: {
                /** @description The id of a batch. */
                batchId: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Batch"];
                };
            };
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    deleteBatch: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The id of a batch. */
                batchId: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BatchChange"];
                };
            };
        };
    };
    getBatchResults: {
        parameters: {
            query?: {
                /** @description Over REST: JSON, JSON with one row a line, or CSV. Over tRPC rows are always JSON. */
                format?: "json" | "jsonl" | "csv";
                /** @description Only jobs in these statuses. */
                status?: components["schemas"]["Status"][];
                /** @description Only texts that were approved, as they were approved, and only jobs that have one. */
                approved?: boolean;
                /** @description The most rows on a page; fewer if they would exceed 4 MB. */
                limit?: number;
                /** @description The `nextCursor` of the page before. */
                cursor?: unknown;
            };
            header?: never;
            path: {
                /** @description The id of a batch. */
                batchId: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ResultsPage"];
                    "application/jsonl": string;
                    "text/csv": string;
                };
            };
        };
    };
    addBatchJobs: {
        parameters: {
            query?: never;
            header?: {
                /** @description The same key with the same request is carried out once, however often it is sent. 1 to 200 characters of printable ASCII, no space at either end. The field `idempotencyKey` of the body may say it instead. */
                "Idempotency-Key"?: string;
            };
            path: {
                /** @description The id of a batch. */
                batchId: number;
            };
            cookie?: never;
        };
        /** @description Up to 5.5 MiB, in UTF-8. */
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "jobs": [
                 *         {
                 *           "imageUrl": "https://example.com/shoe.jpg",
                 *           "analysisPurpose": "Sell it",
                 *           "outputFormat": "summary"
                 *         }
                 *       ]
                 *     }
                 */
                "application/json": components["schemas"]["AddBatchJobs"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AddedJobs"];
                };
            };
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AddedJobs"];
                };
            };
        };
    };
    importBatchCsv: {
        parameters: {
            query?: never;
            header?: {
                /** @description The same key with the same request is carried out once, however often it is sent. 1 to 200 characters of printable ASCII, no space at either end. The field `idempotencyKey` of the body may say it instead. */
                "Idempotency-Key"?: string;
            };
            path: {
                /** @description The id of a batch. */
                batchId: number;
            };
            cookie?: never;
        };
        /** @description Up to 5.5 MiB, in UTF-8. */
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "csv": "imageUrl;sku;analysisPurpose;outputFormat;price\nhttps://example.com/shoe.jpg;TR-7;Sell it;summary;129.00 €\n"
                 *     }
                 */
                "application/json": components["schemas"]["ImportBatchCsv"];
                "text/csv": string;
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ImportedCsv"];
                };
            };
        };
    };
    cancelBatch: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The id of a batch. */
                batchId: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BatchChange"];
                };
            };
        };
    };
    retryBatch: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The id of a batch. */
                batchId: number;
            };
            cookie?: never;
        };
        /** @description Up to 5.5 MiB, in UTF-8. */
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "code": "analysis.timed_out"
                 *     }
                 */
                "application/json": components["schemas"]["RetryBatch"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BatchChange"];
                };
            };
        };
    };
    watchJob: {
        parameters: {
            query?: {
                /** @description The id of the last event that arrived: only later ones are sent. May be sent as the header Last-Event-ID instead, which counts if both are there. */
                lastEventId?: string;
            };
            header?: {
                /** @description The id of the last event that arrived: only later ones are sent. May be sent as the header Last-Event-ID instead, which counts if both are there. */
                "Last-Event-ID"?: string;
            };
            path: {
                /** @description The id of a job. */
                jobId: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": string;
                };
            };
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    getBrand: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description The `ETag` of an earlier answer: nothing new is answered with 304.
                 * @example W/"42-3"
                 */
                "If-None-Match"?: string;
            };
            path: {
                /** @description The id of a brand. */
                brandId: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Brand"];
                };
            };
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    updateBrand: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description The `ETag` of what was read: if it was changed since, the answer is 412, and nothing is changed. `*` is whatever it has come to. Without it and without `version` the answer is 428.
                 * @example "7-3"
                 */
                "If-Match"?: string;
            };
            path: {
                /** @description The id of a brand. */
                brandId: number;
            };
            cookie?: never;
        };
        /** @description Up to 5.5 MiB, in UTF-8. */
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "profile": {
                 *         "name": "Fernhill Nursery",
                 *         "voice": "Calm and plain, with a dry humour",
                 *         "audience": "People with a garden or a balcony",
                 *         "formality": "informal",
                 *         "do": [
                 *           "Name the workshop"
                 *         ],
                 *         "dont": [
                 *           "Exclamation marks"
                 *         ],
                 *         "preferredWords": [
                 *           "nursery"
                 *         ],
                 *         "bannedWords": [
                 *           "cheap*",
                 *           "best in class"
                 *         ],
                 *         "facts": {
                 *           "founded": 1987,
                 *           "returns": "30 days"
                 *         },
                 *         "palette": [
                 *           {
                 *             "hex": "#14213d",
                 *             "name": "navy"
                 *           }
                 *         ],
                 *         "defaults": {
                 *           "languages": [
                 *             "en",
                 *             "de"
                 *           ]
                 *         }
                 *       }
                 *     }
                 */
                "application/json": components["schemas"]["UpdateBrand"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Brand"];
                };
            };
        };
    };
    archiveBrand: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The id of a brand. */
                brandId: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    listBrandVersions: {
        parameters: {
            query?: {
                /** @description The most on a page. */
                limit?: number;
                /** @description The `nextCursor` of the page before. */
                cursor?: unknown;
            };
            header?: never;
            path: {
                /** @description The id of a brand. */
                brandId: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BrandVersionPage"];
                };
            };
        };
    };
    revokeKey: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The id of an API key. */
                keyId: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    getWebhook: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The id of a webhook. */
                webhookId: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Webhook"];
                };
            };
        };
    };
    deleteWebhook: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The id of a webhook. */
                webhookId: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    updateWebhook: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The id of a webhook. */
                webhookId: number;
            };
            cookie?: never;
        };
        /** @description Up to 5.5 MiB, in UTF-8. */
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "status": "enabled"
                 *     }
                 */
                "application/json": components["schemas"]["UpdateWebhook"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Webhook"];
                };
            };
        };
    };
    rotateWebhookSecret: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The id of a webhook. */
                webhookId: number;
            };
            cookie?: never;
        };
        /** @description Up to 5.5 MiB, in UTF-8. */
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "previousValidHours": 24
                 *     }
                 */
                "application/json": components["schemas"]["RotateWebhookSecret"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["WebhookWithSecret"];
                };
            };
        };
    };
    testWebhook: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The id of a webhook. */
                webhookId: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["WebhookDelivery"];
                };
            };
        };
    };
    listDeliveries: {
        parameters: {
            query?: {
                /** @description Only those. */
                status?: components["schemas"]["DeliveryStatus"];
                /** @description The most on a page. */
                limit?: number;
                /** @description The `nextCursor` of the page before. */
                cursor?: unknown;
            };
            header?: never;
            path: {
                /** @description The id of a webhook. */
                webhookId: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["WebhookDeliveryPage"];
                };
            };
        };
    };
    getJobForOperator: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The id of a job. */
                jobId: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OperatorJob"];
                };
            };
        };
    };
    getUserLimits: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The id of a user: the `sub` of a token. */
                user: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["LimitsOfUser"];
                };
            };
        };
    };
    setUserLimits: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The id of a user: the `sub` of a token. */
                user: string;
            };
            cookie?: never;
        };
        /** @description Up to 5.5 MiB, in UTF-8. */
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "jobsInFlight": 50,
                 *       "jobsPerDay": 100000
                 *     }
                 */
                "application/json": components["schemas"]["SetUserLimits"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["LimitsOfUser"];
                };
            };
        };
    };
    eraseUser: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The id of a user: the `sub` of a token. */
                user: string;
            };
            cookie?: never;
        };
        /** @description Up to 5.5 MiB, in UTF-8. */
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "dryRun": false
                 *     }
                 */
                "application/json": components["schemas"]["Erase"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EraseResult"];
                };
            };
        };
    };
    getText: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description The `ETag` of an earlier answer: nothing new is answered with 304.
                 * @example W/"42-3"
                 */
                "If-None-Match"?: string;
            };
            path: {
                /** @description The id of a job. */
                jobId: number;
                /** @description The number of a text within its job. */
                textId: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OneText"];
                };
            };
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    editText: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description The `ETag` of what was read: if it was changed since, the answer is 412, and nothing is changed. `*` is whatever it has come to. Without it and without `version` the answer is 428.
                 * @example "7-3"
                 */
                "If-Match"?: string;
            };
            path: {
                /** @description The id of a job. */
                jobId: number;
                /** @description The number of a text within its job. */
                textId: number;
            };
            cookie?: never;
        };
        /** @description Up to 5.5 MiB, in UTF-8. */
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "approved": true
                 *     }
                 */
                "application/json": components["schemas"]["EditText"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OneText"];
                };
            };
        };
    };
    regenerateText: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The id of a job. */
                jobId: number;
                /** @description The number of a text within its job. */
                textId: number;
            };
            cookie?: never;
        };
        /** @description Up to 5.5 MiB, in UTF-8. */
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "instruction": "Shorter, and begin with the price."
                 *     }
                 */
                "application/json": {
                    /**
                     * @description What is to be different. It shapes the text, and never what is true.
                     * @example Shorter.
                     */
                    instruction?: string;
                };
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OneText"];
                };
            };
        };
    };
    listTextRevisions: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The id of a job. */
                jobId: number;
                /** @description The number of a text within its job. */
                textId: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Revisions"];
                };
            };
        };
    };
    getBrandVersion: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The id of a brand. */
                brandId: number;
                /** @description Counts what the brand has said: 1 at first. */
                version: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BrandVersion"];
                };
            };
        };
    };
    resendDelivery: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The id of a webhook. */
                webhookId: number;
                /** @description The id of a delivery. */
                deliveryId: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["WebhookDelivery"];
                };
            };
        };
    };
    getHealth: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Health"];
                };
            };
        };
    };
    onJobCompleted: {
        parameters: {
            query?: never;
            header: {
                /** @description Names the message: the same with every attempt, so that what comes twice is known. */
                "webhook-id": string;
                /** @description When this attempt was sent, in seconds since the epoch. */
                "webhook-timestamp": number;
                /** @description Of the id, the timestamp and the body, as Standard Webhooks says: `v1,` and base64, one for each valid secret, separated by spaces. */
                "webhook-signature": string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "type": "job.completed",
                 *       "payloadVersion": 1,
                 *       "timestamp": "2026-11-23T12:00:09.000Z",
                 *       "data": {
                 *         "jobId": 1,
                 *         "batchId": 5,
                 *         "version": 5,
                 *         "status": "completed",
                 *         "error": null
                 *       }
                 *     }
                 */
                "application/json": components["schemas"]["JobCompletedPayload"];
            };
        };
        responses: {
            /** @description Nothing more is to be sent: the webhook is disabled. */
            410: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Taken; it is not sent again. */
            "2XX": {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description It is sent again, for three days. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    onJobFailed: {
        parameters: {
            query?: never;
            header: {
                /** @description Names the message: the same with every attempt, so that what comes twice is known. */
                "webhook-id": string;
                /** @description When this attempt was sent, in seconds since the epoch. */
                "webhook-timestamp": number;
                /** @description Of the id, the timestamp and the body, as Standard Webhooks says: `v1,` and base64, one for each valid secret, separated by spaces. */
                "webhook-signature": string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "type": "job.failed",
                 *       "payloadVersion": 1,
                 *       "timestamp": "2026-11-23T12:00:09.000Z",
                 *       "data": {
                 *         "jobId": 1,
                 *         "batchId": 5,
                 *         "version": 5,
                 *         "status": "failed",
                 *         "error": {
                 *           "code": "image.not_found",
                 *           "message": "The image server says that there is no such image."
                 *         }
                 *       }
                 *     }
                 */
                "application/json": components["schemas"]["JobFailedPayload"];
            };
        };
        responses: {
            /** @description Nothing more is to be sent: the webhook is disabled. */
            410: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Taken; it is not sent again. */
            "2XX": {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description It is sent again, for three days. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    onJobCancelled: {
        parameters: {
            query?: never;
            header: {
                /** @description Names the message: the same with every attempt, so that what comes twice is known. */
                "webhook-id": string;
                /** @description When this attempt was sent, in seconds since the epoch. */
                "webhook-timestamp": number;
                /** @description Of the id, the timestamp and the body, as Standard Webhooks says: `v1,` and base64, one for each valid secret, separated by spaces. */
                "webhook-signature": string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "type": "job.cancelled",
                 *       "payloadVersion": 1,
                 *       "timestamp": "2026-11-23T12:00:09.000Z",
                 *       "data": {
                 *         "jobId": 1,
                 *         "batchId": 5,
                 *         "version": 5,
                 *         "status": "cancelled",
                 *         "error": null
                 *       }
                 *     }
                 */
                "application/json": components["schemas"]["JobCancelledPayload"];
            };
        };
        responses: {
            /** @description Nothing more is to be sent: the webhook is disabled. */
            410: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Taken; it is not sent again. */
            "2XX": {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description It is sent again, for three days. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    onTextCompleted: {
        parameters: {
            query?: never;
            header: {
                /** @description Names the message: the same with every attempt, so that what comes twice is known. */
                "webhook-id": string;
                /** @description When this attempt was sent, in seconds since the epoch. */
                "webhook-timestamp": number;
                /** @description Of the id, the timestamp and the body, as Standard Webhooks says: `v1,` and base64, one for each valid secret, separated by spaces. */
                "webhook-signature": string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "type": "text.completed",
                 *       "payloadVersion": 1,
                 *       "timestamp": "2026-11-23T12:00:09.000Z",
                 *       "data": {
                 *         "jobId": 1,
                 *         "batchId": 5,
                 *         "version": 4,
                 *         "text": 1,
                 *         "revision": 1
                 *       }
                 *     }
                 */
                "application/json": components["schemas"]["TextCompletedPayload"];
            };
        };
        responses: {
            /** @description Nothing more is to be sent: the webhook is disabled. */
            410: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Taken; it is not sent again. */
            "2XX": {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description It is sent again, for three days. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    onBatchCompleted: {
        parameters: {
            query?: never;
            header: {
                /** @description Names the message: the same with every attempt, so that what comes twice is known. */
                "webhook-id": string;
                /** @description When this attempt was sent, in seconds since the epoch. */
                "webhook-timestamp": number;
                /** @description Of the id, the timestamp and the body, as Standard Webhooks says: `v1,` and base64, one for each valid secret, separated by spaces. */
                "webhook-signature": string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "type": "batch.completed",
                 *       "payloadVersion": 1,
                 *       "timestamp": "2026-11-23T12:00:09.000Z",
                 *       "data": {
                 *         "batchId": 5,
                 *         "version": 1,
                 *         "jobs": {
                 *           "completed": 498,
                 *           "failed": 2,
                 *           "cancelled": 0
                 *         }
                 *       }
                 *     }
                 */
                "application/json": components["schemas"]["BatchCompletedPayload"];
            };
        };
        responses: {
            /** @description Nothing more is to be sent: the webhook is disabled. */
            410: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Taken; it is not sent again. */
            "2XX": {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description It is sent again, for three days. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    onWebhookTest: {
        parameters: {
            query?: never;
            header: {
                /** @description Names the message: the same with every attempt, so that what comes twice is known. */
                "webhook-id": string;
                /** @description When this attempt was sent, in seconds since the epoch. */
                "webhook-timestamp": number;
                /** @description Of the id, the timestamp and the body, as Standard Webhooks says: `v1,` and base64, one for each valid secret, separated by spaces. */
                "webhook-signature": string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "type": "webhook.test",
                 *       "payloadVersion": 1,
                 *       "timestamp": "2026-11-23T12:00:09.000Z",
                 *       "data": {
                 *         "webhookId": 3,
                 *         "version": 1
                 *       }
                 *     }
                 */
                "application/json": components["schemas"]["WebhookTestPayload"];
            };
        };
        responses: {
            /** @description Nothing more is to be sent: the webhook is disabled. */
            410: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Taken; it is not sent again. */
            "2XX": {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description It is sent again, for three days. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
}
