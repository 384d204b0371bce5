CREATE TABLE `vision_gates` (
	`name` varchar(20) character set ascii collate ascii_bin NOT NULL,
	`stopped_at` datetime(3),
	`stopped_by` varchar(255) character set ascii collate ascii_bin,
	`paused_until` datetime(3),
	`pause_code` varchar(64) character set ascii collate ascii_bin,
	`pauses` int unsigned NOT NULL DEFAULT 0,
	`strikes` int unsigned NOT NULL DEFAULT 0,
	`down_since` datetime(3),
	`grace_ms` bigint unsigned NOT NULL DEFAULT 0,
	`grace_until` datetime(3),
	CONSTRAINT `vision_gates_name` PRIMARY KEY(`name`),
	CONSTRAINT `vision_gates_name` CHECK(name in ('all', 'gemini', 'deepseek'))
);
--> statement-breakpoint
CREATE TABLE `vision_images` (
	`id` bigint unsigned AUTO_INCREMENT NOT NULL,
	`user_id` varchar(255) character set ascii collate ascii_bin NOT NULL,
	`sha256` varchar(64) character set ascii collate ascii_bin NOT NULL,
	`state` varchar(20) character set ascii collate ascii_bin NOT NULL,
	`type` varchar(20) character set ascii collate ascii_bin NOT NULL,
	`bytes` int unsigned NOT NULL,
	`width` int unsigned NOT NULL,
	`height` int unsigned NOT NULL,
	`sweep_at` datetime(3),
	`created_at` datetime(3) NOT NULL,
	CONSTRAINT `vision_images_id` PRIMARY KEY(`id`),
	CONSTRAINT `user_sha256` UNIQUE(`user_id`,`sha256`),
	CONSTRAINT `vision_images_state` CHECK(state in ('arriving', 'stored', 'deleting'))
);
--> statement-breakpoint
CREATE TABLE `vision_job_attempts` (
	`id` bigint unsigned AUTO_INCREMENT NOT NULL,
	`job_id` bigint unsigned NOT NULL,
	`attempt` int unsigned NOT NULL DEFAULT 0,
	`worker_id` varchar(64) character set ascii collate ascii_bin NOT NULL,
	`outcome` varchar(20) character set ascii collate ascii_bin NOT NULL DEFAULT 'running',
	`step` varchar(20) character set ascii collate ascii_bin NOT NULL,
	`error_code` varchar(64) character set ascii collate ascii_bin,
	`error_message` varchar(500) character set utf8mb4 collate utf8mb4_bin,
	`error_detail` varchar(2000) character set utf8mb4 collate utf8mb4_bin,
	`possibly_billed` varchar(20) character set ascii collate ascii_bin,
	`analysis_input_tokens` int unsigned NOT NULL DEFAULT 0,
	`analysis_output_tokens` int unsigned NOT NULL DEFAULT 0,
	`analysis_ms` int unsigned NOT NULL DEFAULT 0,
	`content_input_tokens` int unsigned NOT NULL DEFAULT 0,
	`content_output_tokens` int unsigned NOT NULL DEFAULT 0,
	`content_ms` int unsigned NOT NULL DEFAULT 0,
	`started_at` datetime(3) NOT NULL,
	`ended_at` datetime(3),
	CONSTRAINT `vision_job_attempts_id` PRIMARY KEY(`id`),
	CONSTRAINT `job_attempt` UNIQUE(`job_id`,`attempt`),
	CONSTRAINT `vision_job_attempts_outcome` CHECK(outcome in ('running', 'completed', 'retried', 'failed', 'released', 'lost', 'cancelled'))
);
--> statement-breakpoint
CREATE TABLE `vision_job_outputs` (
	`id` bigint unsigned AUTO_INCREMENT NOT NULL,
	`job_id` bigint unsigned NOT NULL,
	`kind` varchar(20) character set ascii collate ascii_bin NOT NULL,
	`attempt` int unsigned NOT NULL DEFAULT 0,
	`version` int unsigned NOT NULL DEFAULT 0,
	`model` varchar(120) character set utf8mb4 collate utf8mb4_bin NOT NULL,
	`body` mediumtext character set utf8mb4 collate utf8mb4_bin NOT NULL,
	`created_at` datetime(3) NOT NULL,
	CONSTRAINT `vision_job_outputs_id` PRIMARY KEY(`id`),
	CONSTRAINT `job_kind` UNIQUE(`job_id`,`kind`),
	CONSTRAINT `vision_job_outputs_kind` CHECK(kind in ('analysis', 'content'))
);
--> statement-breakpoint
CREATE TABLE `vision_job_sessions` (
	`id` bigint unsigned AUTO_INCREMENT NOT NULL,
	`user_id` varchar(255) character set ascii collate ascii_bin NOT NULL,
	`job_id` bigint unsigned NOT NULL,
	`transport` varchar(20) character set ascii collate ascii_bin NOT NULL,
	`connected_at` datetime(3) NOT NULL,
	`last_event` int unsigned NOT NULL DEFAULT 0,
	`last_seen_at` datetime(3) NOT NULL,
	`closed_at` datetime(3),
	`close_reason` varchar(20) character set ascii collate ascii_bin,
	CONSTRAINT `vision_job_sessions_id` PRIMARY KEY(`id`),
	CONSTRAINT `vision_job_sessions_transport` CHECK(transport in ('sse', 'trpc')),
	CONSTRAINT `vision_job_sessions_close_reason` CHECK(close_reason in ('ended', 'deleted', 'reconnect', 'left', 'replaced', 'expired', 'failed'))
);
--> statement-breakpoint
CREATE TABLE `vision_jobs` (
	`id` bigint unsigned AUTO_INCREMENT NOT NULL,
	`user_id` varchar(255) character set ascii collate ascii_bin NOT NULL,
	`status` varchar(20) character set ascii collate ascii_bin NOT NULL,
	`next_step` varchar(20) character set ascii collate ascii_bin NOT NULL DEFAULT 'analysis',
	`turn` bigint unsigned NOT NULL DEFAULT 0,
	`version` int unsigned NOT NULL DEFAULT 0,
	`attempt` int unsigned NOT NULL DEFAULT 0,
	`failures` int unsigned NOT NULL DEFAULT 0,
	`crashes` int unsigned NOT NULL DEFAULT 0,
	`max_retries` tinyint unsigned NOT NULL,
	`image_url` varchar(2048) character set utf8mb4 collate utf8mb4_bin NOT NULL,
	`image_id` bigint unsigned,
	`analysis_purpose` varchar(2000) character set utf8mb4 collate utf8mb4_bin NOT NULL,
	`output_format` varchar(40) character set ascii collate ascii_bin NOT NULL,
	`language` varchar(35) character set ascii collate ascii_bin NOT NULL,
	`metadata` mediumtext character set utf8mb4 collate utf8mb4_bin,
	`idempotency_key` varchar(255) character set ascii collate ascii_bin,
	`request_hash` varchar(64) character set ascii collate ascii_bin,
	`trace_id` varchar(32) character set ascii collate ascii_bin,
	`worker_id` varchar(64) character set ascii collate ascii_bin,
	`available_at` datetime(3),
	`lease_expires_at` datetime(3),
	`error_code` varchar(64) character set ascii collate ascii_bin,
	`error_message` varchar(500) character set utf8mb4 collate utf8mb4_bin,
	`created_at` datetime(3) NOT NULL,
	`updated_at` datetime(3) NOT NULL,
	`started_at` datetime(3),
	`finished_at` datetime(3),
	`expires_at` datetime(3) NOT NULL,
	CONSTRAINT `vision_jobs_id` PRIMARY KEY(`id`),
	CONSTRAINT `idempotency` UNIQUE(`user_id`,`idempotency_key`),
	CONSTRAINT `vision_jobs_status` CHECK(status in ('scheduled', 'held', 'pending', 'processing', 'completed', 'failed', 'cancelled')),
	CONSTRAINT `vision_jobs_next_step` CHECK(next_step in ('analysis', 'content'))
);
--> statement-breakpoint
CREATE TABLE `vision_operator_actions` (
	`id` bigint unsigned AUTO_INCREMENT NOT NULL,
	`at` datetime(3) NOT NULL,
	`actor` varchar(300) character set ascii collate ascii_bin NOT NULL,
	`action` varchar(40) character set ascii collate ascii_bin NOT NULL,
	`parameters` mediumtext character set utf8mb4 collate utf8mb4_bin NOT NULL,
	`result` mediumtext character set utf8mb4 collate utf8mb4_bin NOT NULL,
	`dry_run` tinyint unsigned NOT NULL,
	CONSTRAINT `vision_operator_actions_id` PRIMARY KEY(`id`)
);
--> statement-breakpoint
CREATE TABLE `vision_permits` (
	`id` varchar(80) character set ascii collate ascii_bin NOT NULL,
	`provider` varchar(20) character set ascii collate ascii_bin NOT NULL,
	`sent_at` datetime(3),
	`expires_at` datetime(3),
	`tokens` int unsigned NOT NULL DEFAULT 0,
	CONSTRAINT `vision_permits_id` PRIMARY KEY(`id`),
	CONSTRAINT `vision_permits_provider` CHECK(provider in ('gemini', 'deepseek'))
);
--> statement-breakpoint
CREATE TABLE `vision_users` (
	`user_id` varchar(255) character set ascii collate ascii_bin NOT NULL,
	`held_at` datetime(3),
	CONSTRAINT `vision_users_user_id` PRIMARY KEY(`user_id`)
);
--> statement-breakpoint
CREATE TABLE `vision_worker_minutes` (
	`minute` datetime(3) NOT NULL,
	`worker_id` varchar(64) character set ascii collate ascii_bin NOT NULL,
	`claimed` int unsigned NOT NULL DEFAULT 0,
	`completed` int unsigned NOT NULL DEFAULT 0,
	`retried` int unsigned NOT NULL DEFAULT 0,
	`failed` int unsigned NOT NULL DEFAULT 0,
	`released` int unsigned NOT NULL DEFAULT 0,
	`lost` int unsigned NOT NULL DEFAULT 0,
	`reclaimed` int unsigned NOT NULL DEFAULT 0,
	`expired` int unsigned NOT NULL DEFAULT 0,
	CONSTRAINT `vision_worker_minutes_minute_worker_id_pk` PRIMARY KEY(`minute`,`worker_id`)
);
--> statement-breakpoint
CREATE TABLE `vision_workers` (
	`id` varchar(64) character set ascii collate ascii_bin NOT NULL,
	`place` varchar(255) character set utf8mb4 collate utf8mb4_bin NOT NULL,
	`concurrency` int unsigned NOT NULL DEFAULT 0,
	`in_flight` int unsigned NOT NULL DEFAULT 0,
	`started_at` datetime(3) NOT NULL,
	`last_beat_at` datetime(3) NOT NULL,
	`stopped_at` datetime(3),
	`claimed` int unsigned NOT NULL DEFAULT 0,
	`completed` int unsigned NOT NULL DEFAULT 0,
	`retried` int unsigned NOT NULL DEFAULT 0,
	`failed` int unsigned NOT NULL DEFAULT 0,
	`released` int unsigned NOT NULL DEFAULT 0,
	`lost` int unsigned NOT NULL DEFAULT 0,
	`reclaimed` int unsigned NOT NULL DEFAULT 0,
	`expired` int unsigned NOT NULL DEFAULT 0,
	CONSTRAINT `vision_workers_id` PRIMARY KEY(`id`)
);
--> statement-breakpoint
CREATE INDEX `sweep` ON `vision_images` (`sweep_at`);--> statement-breakpoint
CREATE INDEX `live` ON `vision_job_sessions` (`user_id`,`closed_at`,`id`);--> statement-breakpoint
CREATE INDEX `closing` ON `vision_job_sessions` (`closed_at`,`last_seen_at`);--> statement-breakpoint
CREATE INDEX `claim` ON `vision_jobs` (`status`,`next_step`,`turn`,`id`);--> statement-breakpoint
CREATE INDEX `due` ON `vision_jobs` (`status`,`available_at`,`id`);--> statement-breakpoint
CREATE INDEX `lease` ON `vision_jobs` (`status`,`lease_expires_at`);--> statement-breakpoint
CREATE INDEX `expiry` ON `vision_jobs` (`status`,`next_step`,`expires_at`,`id`);--> statement-breakpoint
CREATE INDEX `owner` ON `vision_jobs` (`user_id`,`status`,`next_step`,`turn`);--> statement-breakpoint
CREATE INDEX `history` ON `vision_jobs` (`user_id`,`id`);--> statement-breakpoint
CREATE INDEX `ended` ON `vision_jobs` (`status`,`finished_at`,`id`);--> statement-breakpoint
CREATE INDEX `image` ON `vision_jobs` (`image_id`);--> statement-breakpoint
CREATE INDEX `sent` ON `vision_permits` (`provider`,`sent_at`,`tokens`);--> statement-breakpoint
CREATE INDEX `expired` ON `vision_permits` (`expires_at`);--> statement-breakpoint
CREATE INDEX `ended` ON `vision_permits` (`sent_at`);--> statement-breakpoint
CREATE INDEX `in_flight` ON `vision_permits` (`provider`,`expires_at`,`sent_at`,`tokens`);--> statement-breakpoint
CREATE INDEX `held` ON `vision_users` (`held_at`);--> statement-breakpoint
CREATE INDEX `heard` ON `vision_workers` (`last_beat_at`);--> statement-breakpoint
CREATE INDEX `running` ON `vision_workers` (`stopped_at`,`last_beat_at`);