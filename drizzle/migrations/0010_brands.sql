CREATE TABLE `vision_brand_versions` (
	`brand_id` bigint unsigned NOT NULL,
	`version` int unsigned NOT NULL DEFAULT 0,
	`profile` mediumtext character set utf8mb4 collate utf8mb4_bin NOT NULL,
	`created_at` datetime(3) NOT NULL,
	CONSTRAINT `vision_brand_versions_brand_id_version_pk` PRIMARY KEY(`brand_id`,`version`)
);
--> statement-breakpoint
CREATE TABLE `vision_brands` (
	`id` bigint unsigned AUTO_INCREMENT NOT NULL,
	`user_id` varchar(255) character set ascii collate ascii_bin NOT NULL,
	`name` varchar(100) character set utf8mb4 collate utf8mb4_bin NOT NULL,
	`version` int unsigned NOT NULL DEFAULT 0,
	`archived_at` datetime(3),
	`created_at` datetime(3) NOT NULL,
	`updated_at` datetime(3) NOT NULL,
	CONSTRAINT `vision_brands_id` PRIMARY KEY(`id`)
);
--> statement-breakpoint
ALTER TABLE `vision_job_outputs` ADD `findings` mediumtext character set utf8mb4 collate utf8mb4_bin;--> statement-breakpoint
ALTER TABLE `vision_jobs` ADD `facts` mediumtext character set utf8mb4 collate utf8mb4_bin;--> statement-breakpoint
ALTER TABLE `vision_jobs` ADD `brand_id` bigint unsigned;--> statement-breakpoint
ALTER TABLE `vision_jobs` ADD `brand_version` int unsigned;--> statement-breakpoint
CREATE INDEX `owner` ON `vision_brands` (`user_id`,`archived_at`,`id`);