CREATE TABLE `vision_batch_counts` (
	`batch_id` bigint unsigned NOT NULL,
	`status` varchar(20) character set ascii collate ascii_bin NOT NULL,
	`code` varchar(64) character set ascii collate ascii_bin NOT NULL,
	`jobs` bigint NOT NULL DEFAULT 0,
	`calls` bigint NOT NULL DEFAULT 0,
	`possibly_billed` bigint NOT NULL DEFAULT 0,
	`cost` bigint NOT NULL DEFAULT 0,
	`unpriced_calls` bigint NOT NULL DEFAULT 0,
	`work_ms` bigint NOT NULL DEFAULT 0,
	CONSTRAINT `vision_batch_counts_batch_id_status_code_pk` PRIMARY KEY(`batch_id`,`status`,`code`)
);
--> statement-breakpoint
CREATE TABLE `vision_batches` (
	`id` bigint unsigned AUTO_INCREMENT NOT NULL,
	`user_id` varchar(255) character set ascii collate ascii_bin NOT NULL,
	`name` varchar(100) character set utf8mb4 collate utf8mb4_bin,
	`defaults` mediumtext character set utf8mb4 collate utf8mb4_bin NOT NULL,
	`on_invalid` varchar(20) character set ascii collate ascii_bin NOT NULL DEFAULT 'refuse',
	`idempotency_key` varchar(255) character set ascii collate ascii_bin,
	`request_hash` varchar(64) character set ascii collate ascii_bin,
	`created_at` datetime(3) NOT NULL,
	`closes_at` datetime(3) NOT NULL,
	`cancelled_at` datetime(3),
	CONSTRAINT `vision_batches_id` PRIMARY KEY(`id`),
	CONSTRAINT `idempotency` UNIQUE(`user_id`,`idempotency_key`)
);
--> statement-breakpoint
ALTER TABLE `vision_jobs` ADD `batch_id` bigint unsigned;--> statement-breakpoint
CREATE INDEX `owner` ON `vision_batches` (`user_id`,`id`);--> statement-breakpoint
CREATE INDEX `open` ON `vision_batches` (`user_id`,`closes_at`);--> statement-breakpoint
CREATE INDEX `closed` ON `vision_batches` (`closes_at`);--> statement-breakpoint
CREATE INDEX `batch` ON `vision_jobs` (`batch_id`,`status`,`id`);