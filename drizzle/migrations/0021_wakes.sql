CREATE TABLE `vision_wakes` (
	`id` varchar(64) character set ascii collate ascii_bin NOT NULL,
	`woken_at` datetime(3) NOT NULL,
	CONSTRAINT `vision_wakes_id` PRIMARY KEY(`id`)
);
--> statement-breakpoint
CREATE INDEX `woken` ON `vision_wakes` (`woken_at`);