CREATE TABLE `vision_estimate_quotas` (
	`user_id` varchar(255) character set ascii collate ascii_bin NOT NULL,
	`begun_at` datetime(3) NOT NULL,
	`estimates` int unsigned NOT NULL DEFAULT 0,
	CONSTRAINT `vision_estimate_quotas_user_id` PRIMARY KEY(`user_id`)
);
