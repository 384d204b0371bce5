CREATE TABLE `vision_webhook_deliveries` (
	`id` bigint unsigned AUTO_INCREMENT NOT NULL,
	`endpoint_id` bigint unsigned NOT NULL,
	`type` varchar(20) character set ascii collate ascii_bin NOT NULL,
	`job_id` bigint unsigned NOT NULL DEFAULT 0,
	`batch_id` bigint unsigned NOT NULL DEFAULT 0,
	`text` tinyint unsigned NOT NULL DEFAULT 0,
	`version` int unsigned NOT NULL DEFAULT 0,
	`data` mediumtext character set utf8mb4 collate utf8mb4_bin NOT NULL,
	`status` varchar(20) character set ascii collate ascii_bin NOT NULL,
	`attempts` int unsigned NOT NULL DEFAULT 0,
	`due_at` datetime(3) NOT NULL,
	`expires_at` datetime(3) NOT NULL,
	`answer_status` int unsigned,
	`answer` varchar(256) character set utf8mb4 collate utf8mb4_bin,
	`error` varchar(30) character set ascii collate ascii_bin,
	`created_at` datetime(3) NOT NULL,
	`sent_at` datetime(3),
	`ended_at` datetime(3),
	CONSTRAINT `vision_webhook_deliveries_id` PRIMARY KEY(`id`),
	CONSTRAINT `subject` UNIQUE(`endpoint_id`,`job_id`,`batch_id`,`version`,`type`,`text`),
	CONSTRAINT `vision_webhook_deliveries_status` CHECK(status in ('pending', 'delivered', 'failed'))
);
--> statement-breakpoint
CREATE TABLE `vision_webhook_endpoints` (
	`id` bigint unsigned AUTO_INCREMENT NOT NULL,
	`user_id` varchar(255) character set ascii collate ascii_bin NOT NULL,
	`url` varchar(2048) character set ascii collate ascii_bin NOT NULL,
	`description` varchar(200) character set utf8mb4 collate utf8mb4_bin,
	`events` varchar(120) character set ascii collate ascii_bin NOT NULL,
	`secrets` mediumtext character set utf8mb4 collate utf8mb4_bin NOT NULL,
	`disabled_reason` varchar(20) character set ascii collate ascii_bin,
	`failures` int unsigned NOT NULL DEFAULT 0,
	`failing_since` datetime(3),
	`retry_at` datetime(3),
	`slow` tinyint unsigned NOT NULL DEFAULT 0,
	`lease` int unsigned NOT NULL DEFAULT 0,
	`lease_expires_at` datetime(3),
	`served_at` datetime(3) NOT NULL,
	`swept_at` datetime(3) NOT NULL,
	`tests` int unsigned NOT NULL DEFAULT 0,
	`created_at` datetime(3) NOT NULL,
	`updated_at` datetime(3) NOT NULL,
	CONSTRAINT `vision_webhook_endpoints_id` PRIMARY KEY(`id`)
);
--> statement-breakpoint
ALTER TABLE `vision_batches` ADD `ends` int unsigned DEFAULT 0 NOT NULL;--> statement-breakpoint
CREATE INDEX `due` ON `vision_webhook_deliveries` (`endpoint_id`,`status`,`due_at`);--> statement-breakpoint
CREATE INDEX `listed` ON `vision_webhook_deliveries` (`endpoint_id`,`status`,`id`);--> statement-breakpoint
CREATE INDEX `waiting` ON `vision_webhook_deliveries` (`status`,`due_at`);--> statement-breakpoint
CREATE INDEX `owner` ON `vision_webhook_endpoints` (`user_id`,`id`);--> statement-breakpoint
CREATE INDEX `turn` ON `vision_webhook_endpoints` (`disabled_reason`,`served_at`);--> statement-breakpoint
CREATE INDEX `sweep` ON `vision_webhook_endpoints` (`swept_at`);